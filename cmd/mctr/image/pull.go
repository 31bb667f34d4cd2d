package image

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/cmd/mctr/internal/session"
	"github.com/mctr/mctr/provisioner"
)

func pullCommand(h *hostapi.Host) *cobra.Command {
	var quiet bool
	var platform string
	cmd := &cobra.Command{
		Use:     "pull [flags] IMAGE...",
		Short:   "Fetch images into the store",
		Example: "  mctr pull alpine\n  mctr pull --platform linux/arm64 debian:bookworm-slim",
		Args:    cobra.MinimumNArgs(1), ValidArgsFunction: h.CompleteImages,
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := h.ImageAPI()
			if err != nil {
				return err
			}
			ctx, stop := session.Interruptible(cmd.Context())
			defer stop()
			o := provisioner.PullOptions{Policy: "always", Platform: platform}
			if !quiet {
				o.Progress = format.Progress(os.Stderr)
			}
			for _, ref := range args {
				image, err := store.Pull(ctx, ref, o)
				if err != nil {
					return err
				}
				fmt.Println(image.Reference)
			}
			return nil
		},
	}
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "do not print the progress")
	cmd.Flags().StringVar(&platform, "platform", "", "`OS/ARCH[/VARIANT]` (default: that of this host)")
	return cmd
}
