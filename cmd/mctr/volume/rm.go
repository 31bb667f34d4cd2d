package volume

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
)

func rmCommand(h *hostapi.Host) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use: "rm [flags] VOLUME...", Aliases: []string{"remove"}, Short: "Remove named volumes, with their files",
		Args: cobra.MinimumNArgs(1),
		Long: "Remove named volumes, with their files. It fails for a volume that a container uses, also one\n" +
			"that is stopped.",
		Example: "  mctr volume rm data", ValidArgsFunction: h.CompleteVolumes,
		RunE: func(cmd *cobra.Command, args []string) error {
			volumes, err := h.VolumeAPI()
			if err != nil {
				return err
			}
			var errs []error
			for _, name := range args {
				err := volumes.Remove(cmd.Context(), name)
				if err != nil && !(force && errors.Is(err, mctr.ErrNotFound)) {
					errs = append(errs, err)
					continue
				}
				fmt.Fprintln(os.Stdout, name)
			}
			return errors.Join(errs...)
		},
	}
	cmd.Flags().BoolVarP(&force, "force", "f", false, "do not fail for a volume that does not exist")
	return cmd
}
