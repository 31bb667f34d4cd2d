package image

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr/cmd/mctr/internal/flags"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/cmd/mctr/internal/session"
	"github.com/mctr/mctr/provisioner"
)

func saveCommand(h *hostapi.Host) *cobra.Command {
	var output, format string
	cmd := &cobra.Command{
		Use:   "save [flags] IMAGE...",
		Short: "Write images of the store to one archive",
		Long: `Write images of the store to one archive, for mctr, docker, podman or skopeo to read.
A repository without tag stands for all of its images.
A docker-archive has plain layers, so that the images' digests are others when it
is loaded; an oci-archive has everything as it came. The file is there when it is
whole.`,
		Example: `  mctr save -o web.tar web:1 web:2
  mctr save --format oci-archive web:1 | ssh host mctr load`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: h.CompleteImages,
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := h.ImageAPI()
			if err != nil {
				return err
			}
			write := func(ctx context.Context) func(io.Writer) error {
				return func(w io.Writer) error { return store.Save(ctx, args, w, provisioner.SaveFormat(format)) }
			}
			if output == "" {
				// a signal ends it: there is nothing to undo
				return session.ToStdout("an archive", write(cmd.Context()))
			}
			ctx, stop := session.Interruptible(cmd.Context())
			defer stop()
			return session.WriteWhole(ctx, output, write(ctx))
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "`FILE` to write, instead of stdout")
	cmd.Flags().StringVar(&format, "format", string(provisioner.SaveDocker), "docker-archive or oci-archive")
	_ = cmd.RegisterFlagCompletionFunc("format", flags.Words("docker-archive", "oci-archive"))
	return cmd
}
