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
		Short: "Write images to an archive",
		Long: `Write images of the store to one archive that mctr, docker, podman and skopeo can read.
A repository without a tag stands for all its images. A docker-archive has uncompressed
layers, so that images have other digests after they are loaded; an oci-archive has
everything unchanged. The file gets its name when it is complete.`,
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
				// a signal may kill this process: it has nothing to undo
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
