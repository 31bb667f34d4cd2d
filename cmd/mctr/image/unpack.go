package image

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/cmd/mctr/internal/session"
	"github.com/mctr/mctr/provisioner"
)

func unpackCommand(h *hostapi.Host) *cobra.Command {
	o := provisioner.PullOptions{Policy: "missing"}
	var quiet bool
	cmd := &cobra.Command{
		Use:   "unpack [flags] IMAGE BUNDLE",
		Short: "Write an image as an OCI bundle, for any runtime to run",
		Long: `Write BUNDLE/config.json and BUNDLE/rootfs, the image's files with the command,
environment and user that it names and docker's default isolation, without a
network. BUNDLE must not exist or be empty, and is then its owner's alone (mode 0700):
an image's set-user-ID programs are not for every user of the host. The image is pulled if it is missing.`,
		Example: "  mctr image unpack alpine /tmp/a && mctr oci run --bundle /tmp/a a",
		Args:    cobra.ExactArgs(2), ValidArgsFunction: h.CompleteFirstImage,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !quiet {
				o.Progress = format.Progress(os.Stderr)
			}
			ctx, stop := session.Interruptible(cmd.Context())
			defer stop()
			c, err := h.Containers(ctx)
			if err != nil {
				return err
			}
			return c.ExportImage(ctx, args[0], args[1], o)
		},
	}
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "no progress")
	cmd.Flags().StringVar(&o.Platform, "platform", "", "`OS/ARCH[/VARIANT]` (default: this host's)")
	return cmd
}
