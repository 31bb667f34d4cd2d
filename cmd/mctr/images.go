package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"github.com/mctr/mctr/provisioner"
)

func (a *app) pullCommand() *cobra.Command {
	var quiet bool
	var platform string
	cmd := &cobra.Command{
		Use:     "pull [flags] IMAGE...",
		Short:   "Fetch images into the store",
		Example: "  mctr pull alpine\n  mctr pull --platform linux/arm64 debian:bookworm-slim",
		Args:    cobra.MinimumNArgs(1), ValidArgsFunction: a.completeImages,
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := a.imageAPI()
			if err != nil {
				return err
			}
			ctx, stop := interruptible(cmd.Context())
			defer stop()
			o := provisioner.PullOptions{Policy: "always", Platform: platform}
			if !quiet {
				o.Progress = newProgress(os.Stderr)
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
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "no progress")
	cmd.Flags().StringVar(&platform, "platform", "", "`OS/ARCH[/VARIANT]` (default: this host's)")
	return cmd
}

// An imageRow has docker's field names.
type imageRow struct{ Repository, Tag, ID, Digest, CreatedSince, CreatedAt, Size string }

func (a *app) imagesCommand() *cobra.Command {
	list := &listFlags{}
	var digests bool
	cmd := &cobra.Command{
		Use:     "images [flags] [IMAGE]",
		Short:   "List the images of the store",
		Example: "  mctr images\n  mctr images -q",
		Args:    cobra.MaximumNArgs(1), ValidArgsFunction: a.completeImages,
		RunE: func(cmd *cobra.Command, args []string) error {
			rows, err := a.imageRows(cmd.Context(), args, list.noTrunc)
			if err != nil {
				return err
			}
			columns := []string{"REPOSITORY={{.Repository}}", "TAG={{.Tag}}", "IMAGE ID={{.ID}}",
				"CREATED={{.CreatedSince}}", "SIZE={{.Size}}"}
			if digests {
				columns = append(columns, "DIGEST={{.Digest}}")
			}
			return list.print(anys(rows), columns)
		},
	}
	list.registerQuiet(cmd.Flags())
	list.register(cmd.Flags(), "ids")
	cmd.Flags().BoolVar(&digests, "digests", false, "manifests' digests too")
	return cmd
}

func (a *app) imageRows(ctx context.Context, args []string, noTrunc bool) ([]imageRow, error) {
	store, err := a.imageAPI()
	if err != nil {
		return nil, err
	}
	images, err := store.Images(ctx)
	if err != nil {
		return nil, err
	}
	var rows []imageRow
	for _, image := range images {
		if !provisioner.Shown(image, images) || len(args) > 0 && !strings.Contains(image.Reference, args[0]) {
			continue
		}
		r := imageRow{ID: image.ID.Encoded(), Digest: string(image.Digest), Size: units.HumanSize(float64(image.Size))}
		r.Repository, r.Tag = splitReference(image.Reference)
		if !image.Created.IsZero() {
			r.CreatedSince, r.CreatedAt = ago(image.Created), image.Created.Local().String()
		}
		if !noTrunc {
			r.ID = shortDigest(r.ID)
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// splitReference cuts a reference at its tag or digest.
func splitReference(ref string) (repository, tag string) {
	if strings.HasPrefix(ref, "sha256:") {
		return "<none>", "<none>" // by its id alone
	}
	if name, _, ok := strings.Cut(ref, "@"); ok {
		return name, "<none>"
	}
	if i := strings.LastIndexByte(ref, ':'); i > strings.LastIndexByte(ref, '/') {
		return ref[:i], ref[i+1:]
	}
	return ref, "<none>"
}

func (a *app) inspectImagesCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:               "inspect [flags] IMAGE...",
		Short:             "Show what is known of images of the store",
		Example:           "  mctr image inspect alpine --format '{{json .Config.Env}}'",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeImages,
		RunE: func(cmd *cobra.Command, args []string) error {
			return inspectImages(cmd.Context(), a, args, format)
		},
	}
	cmd.Flags().StringVarP(&format, "format", "f", "", "Go template")
	return cmd
}

// imageInfo is docker's form of an image, with the manifest beside it.
type imageInfo struct {
	ID           string `json:"Id"`
	RepoTags     []string
	RepoDigests  []string
	Created      string
	Architecture string
	Os           string
	Variant      string `json:",omitempty"`
	Size         int64
	Config       any
	RootFS       struct {
		Type   string
		Layers []string
	}
	Manifest json.RawMessage `json:",omitempty"`
}

// inspectImages prints what is known of images, as JSON or by a Go template.
func inspectImages(ctx context.Context, a *app, refs []string, format string) error {
	store, err := a.imageAPI()
	if err != nil {
		return err
	}
	all, err := store.Images(ctx)
	if err != nil {
		return err
	}
	var found []imageInfo
	var errs []error
	for _, ref := range refs {
		image, err := store.Inspect(ctx, ref)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		found = append(found, describeImage(image, all))
	}
	return errors.Join(append(errs, printInspected(found, format))...)
}

func describeImage(image *provisioner.Image, all []provisioner.Image) imageInfo {
	i := imageInfo{
		ID: string(image.ID), RepoTags: []string{}, RepoDigests: []string{},
		Created: image.Created.Format("2006-01-02T15:04:05.999999999Z07:00"), Architecture: image.Platform.Architecture,
		Os: image.Platform.OS, Variant: image.Platform.Variant, Size: image.Size, Config: image.Config,
		Manifest: image.RawManifest,
	}
	for _, other := range all {
		if other.ID == image.ID && !provisioner.IsUnnamed(&other) {
			i.name(other)
		}
	}
	i.RootFS.Type = "layers"
	for _, d := range image.DiffIDs {
		i.RootFS.Layers = append(i.RootFS.Layers, string(d))
	}
	return i
}

// name adds one of the image's names.
func (i *imageInfo) name(image provisioner.Image) {
	repository, _ := splitReference(image.Reference)
	i.RepoTags = append(i.RepoTags, image.Reference)
	if digest := repository + "@" + string(image.Digest); !slices.Contains(i.RepoDigests, digest) {
		i.RepoDigests = append(i.RepoDigests, digest)
	}
}

// printInspected prints a JSON array, also an empty one, or a template's text
// for each.
func printInspected[T any](found []T, format string) error {
	if format != "" && format != "json" {
		return table{format: format, exact: !isTerminal(os.Stdout)}.print(os.Stdout, anys(found))
	}
	if found == nil {
		found = []T{}
	}
	return printJSON(os.Stdout, found)
}

func (a *app) rmiCommand() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "rmi [flags] IMAGE...",
		Short: "Remove images from the store",
		Long: `Take names off images, and remove what has no name left. An image that is named by
the start of its id loses all its names; they must be of one repository, or --force
given.`,
		Example:           "  mctr rmi alpine",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeImages,
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := a.imageAPI()
			if err != nil {
				return err
			}
			var errs []error
			for _, ref := range args {
				report, err := store.Remove(cmd.Context(), ref, force)
				printReport(report)
				errs = append(errs, err)
			}
			return errors.Join(errs...)
		},
	}
	cmd.Flags().BoolVarP(&force, "force", "f", false, "also one that containers use: its layers go with them")
	return cmd
}

func (a *app) pruneCommand() *cobra.Command {
	var all, dryRun, containers bool
	cmd := &cobra.Command{
		Use:   "prune [flags]",
		Short: "Remove what the store does not need",
		Long: "Remove layers and files that no image refers to. With --all, also the images that\n" +
			"no container uses; with --containers, first the containers that have ended.",
		Example: `  mctr prune --dry-run
  mctr prune --all`,
		Args: cobra.NoArgs, ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if containers && !dryRun {
				if err := a.removeAll(cmd.Context(), false); err != nil {
					return err
				}
			}
			store, err := a.imageAPI()
			if err != nil {
				return err
			}
			report, err := store.Prune(cmd.Context(), provisioner.PruneOptions{All: all, DryRun: dryRun})
			printReport(report)
			fmt.Printf("Total reclaimed space: %s\n", units.HumanSize(float64(report.Bytes)))
			return err
		},
	}
	cmd.Flags().BoolVarP(&all, "all", "a", false, "images that no container uses, too")
	cmd.Flags().BoolVar(&containers, "containers", false, "containers that have ended, too")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only say what would go")
	return cmd
}

func printReport(r provisioner.PruneReport) {
	for _, ref := range r.Untagged {
		fmt.Println("untagged:", ref)
	}
	for _, object := range slices.Concat(r.Blobs, r.Layers, r.Temporary) {
		fmt.Println("deleted:", object)
	}
}
