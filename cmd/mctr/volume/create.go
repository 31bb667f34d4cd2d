package volume

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cmd/mctr/internal/flags"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	csivolumes "github.com/mctr/mctr/csi/volumes"
)

func createCommand(h *hostapi.Host) *cobra.Command {
	var driver, size string
	var inodes int64
	var labels, options []string
	cmd := &cobra.Command{
		Use: "create [flags] [VOLUME]", Short: "Create a named volume", Args: cobra.MaximumNArgs(1),
		Long: `Create a named volume and print its name, which is random if none is given. A volume that
exists with the same driver, size, labels and options is left as it is.

A volume of the driver csi needs the option plugin, the name of a plugin that mctr csi plugin ls
shows. Its other options are in docs/csi.md.`,
		Example: "  mctr volume create data\n  mctr volume create --size 10g --label team=a data\n" +
			"  mctr volume create -d csi -o plugin=rbd.csi.ceph.com -o fs_type=ext4 --size 10g disk\n" +
			"  mctr volume create -d cephfs -o mon=ceph1 -o client=team -o key-file=/etc/team.key -o path=/team shared",
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			v := mctr.NamedVolume{Driver: driver, Inodes: inodes}
			if v.Size, err = flags.Size("--size", size); err != nil {
				return err
			}
			if len(args) > 0 {
				if v.Name = args[0]; v.Name == "" {
					return mctr.ValidateVolumeName(v.Name)
				}
			}
			if v.Labels, err = flags.Pairs("--label", labels, true); err != nil {
				return err
			}
			if v.Options, err = flags.Pairs("--opt", options, false); err != nil {
				return err
			}
			volumes, err := h.VolumeAPI()
			if err != nil {
				return err
			}
			made, err := volumes.Create(cmd.Context(), v)
			if err != nil {
				return err
			}
			fmt.Fprintln(os.Stdout, made.Name)
			return nil
		},
	}
	cmd.Flags().StringVarP(&driver, "driver", "d", mctr.DriverLocal,
		"local: a directory of this host; csi: a volume of a plugin; cephfs: a directory of CephFS")
	cmd.Flags().StringVar(&size, "size", "", "hard limit of what the volume holds, such as 10g (default: none)")
	cmd.Flags().Int64Var(&inodes, "inodes", 0, "hard limit of the number of files (default: none)")
	cmd.Flags().StringArrayVarP(&options, "opt", "o", nil, "`KEY=VALUE` of the driver; cephfs: mon, fs, path, client, "+
		"key-file, read-only, directory, create, quota-bytes, quota-files, client_..., ms_...")
	cmd.Flags().StringArrayVarP(&labels, "label", "l", nil, "`KEY=VALUE`")
	_ = cmd.RegisterFlagCompletionFunc("driver", flags.Words(mctr.DriverLocal, csivolumes.Name, "cephfs"))
	return cmd
}
