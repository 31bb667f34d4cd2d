package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/provisioner"
)

func (a *app) tagCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "tag SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
		Short:             "Give an image one more name",
		Long:              "Give an image of the store one more name. An image that had the name keeps its others.",
		Example:           "  mctr tag alpine registry.test:5000/base:1\n  mctr tag oci:./web:latest web",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeFirstImage,
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := a.imageAPI()
			if err != nil {
				return err
			}
			return store.Tag(cmd.Context(), args[0], args[1])
		},
	}
}

func (a *app) loadCommand() *cobra.Command {
	var input string
	var quiet bool
	var o provisioner.LoadOptions
	cmd := &cobra.Command{
		Use:   "load [flags]",
		Short: "Bring the images of an archive into the store",
		Long: `Bring every image of an archive into the store, under the names that the archive
gives them. The archive is what docker save, podman save or mctr save write, a tar
of an OCI layout, or such a layout's directory; gzip and zstd are seen through.`,
		Example: "  mctr load -i web.tar\n  docker save web | mctr load",
		Args:    cobra.NoArgs, ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !quiet {
				o.Progress = layersOnly(newProgress(os.Stderr))
			}
			ctx, stop := interruptible(cmd.Context())
			defer stop()
			return a.load(ctx, input, o)
		},
	}
	cmd.Flags().StringVarP(&input, "input", "i", "-", "`FILE` to read; - is stdin")
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "no progress")
	cmd.Flags().StringVar(&o.Platform, "platform", "",
		"`OS/ARCH[/VARIANT]` of images that are for several (default: this host's)")
	return cmd
}

// layersOnly leaves out what is said of a pull as such.
func layersOnly(p provisioner.Progress) provisioner.Progress {
	if isTerminal(os.Stderr) {
		return p
	}
	return func(e provisioner.Event) {
		if e.Kind != provisioner.Resolved && e.Kind != provisioner.Done {
			p(e)
		}
	}
}

func (a *app) load(ctx context.Context, input string, o provisioner.LoadOptions) error {
	from, name := stdin(ctx), "stdin"
	if input == "-" && term.IsTerminal(int(os.Stdin.Fd())) {
		return fmt.Errorf("%w: requested load from stdin, but stdin is a terminal: give a file with -i, or redirect",
			mctr.ErrInvalid)
	}
	if input != "-" {
		f, err := openInput(ctx, input)
		if err != nil {
			return err
		}
		defer f.Close()
		from, name = streamOf(ctx, f), input
	}
	store, err := a.imageAPI()
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

func (a *app) saveCommand() *cobra.Command {
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
		ValidArgsFunction: a.completeImages,
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := a.imageAPI()
			if err != nil {
				return err
			}
			write := func(ctx context.Context) func(io.Writer) error {
				return func(w io.Writer) error { return store.Save(ctx, args, w, provisioner.SaveFormat(format)) }
			}
			if output == "" {
				return toStdout("an archive", write(cmd.Context())) // a signal ends it: there is nothing to undo
			}
			ctx, stop := interruptible(cmd.Context())
			defer stop()
			return writeWhole(ctx, output, write(ctx))
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "`FILE` to write, instead of stdout")
	cmd.Flags().StringVar(&format, "format", string(provisioner.SaveDocker), "docker-archive or oci-archive")
	_ = cmd.RegisterFlagCompletionFunc("format",
		cobra.FixedCompletions([]string{"docker-archive", "oci-archive"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}
