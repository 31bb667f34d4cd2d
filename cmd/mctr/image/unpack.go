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
		Short: "Write an image as an OCI bundle for any runtime",
		Long: `Write BUNDLE/config.json, with the command, environment and user of the image and the
default isolation of docker but without a network, and BUNDLE/rootfs, with the files
of the image. BUNDLE must be missing or empty. It gets mode 0700, because other users
of the host must not run set-user-ID programs of the image. The image is pulled if it
is missing.`,
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
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "do not print the progress")
	cmd.Flags().StringVar(&o.Platform, "platform", "", "`OS/ARCH[/VARIANT]` (default: that of this host)")
	return cmd
}
