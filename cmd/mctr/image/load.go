package image

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/cmd/mctr/internal/session"
	"github.com/mctr/mctr/provisioner"
)

func loadCommand(h *hostapi.Host) *cobra.Command {
	var input string
	var quiet bool
	var o provisioner.LoadOptions
	cmd := &cobra.Command{
		Use:   "load [flags]",
		Short: "Add the images of an archive to the store",
		Long: `Add every image of an archive to the store, under the names in the archive. The
archive is the output of docker save, podman save or mctr save, a tar of an OCI
layout, or the directory of an OCI layout. It may be compressed with gzip or zstd.`,
		Example: "  mctr load -i web.tar\n  docker save web | mctr load",
		Args:    cobra.NoArgs, ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !quiet {
				o.Progress = layersOnly(format.Progress(os.Stderr))
			}
			ctx, stop := session.Interruptible(cmd.Context())
			defer stop()
			return load(ctx, h, input, o)
		},
	}
	cmd.Flags().StringVarP(&input, "input", "i", "-", "`FILE` to read; -: stdin")
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "do not print the progress")
	cmd.Flags().StringVar(&o.Platform, "platform", "",
		"`OS/ARCH[/VARIANT]` of multi-platform images (default: that of this host)")
	return cmd
}

// layersOnly omits the lines about a pull from the registry, unless stderr is a terminal.
func layersOnly(p provisioner.Progress) provisioner.Progress {
	if format.IsTerminal(os.Stderr) {
		return p
	}
	return func(e provisioner.Event) {
		if e.Kind != provisioner.Resolved && e.Kind != provisioner.Done {
			p(e)
		}
	}
}

func load(ctx context.Context, h *hostapi.Host, input string, o provisioner.LoadOptions) error {
	from, name := session.Stdin(ctx), "stdin"
	if input == "-" && format.IsTerminal(os.Stdin) {
		return fmt.Errorf("%w: requested load from stdin, but stdin is a terminal: give a file with -i, or redirect",
			mctr.ErrInvalid)
	}
	if input != "-" {
		f, err := session.OpenInput(ctx, input)
		if err != nil {
			return err
		}
		defer f.Close()
		from, name = session.StreamOf(ctx, f), input
	}
	store, err := h.ImageAPI()
	if err != nil {
		return err
	}
	loaded, err := store.Load(ctx, from, name, o)
	for _, image := range loaded {
		if provisioner.IsUnnamed(image) {
			fmt.Println("Loaded image ID:", image.ID)
		} else {
			fmt.Println("Loaded image:", image.Reference)
		}
	}
	return err
}
