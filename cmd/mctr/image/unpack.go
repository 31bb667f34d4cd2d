package image

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
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
			return unpack(ctx, h, args[0], args[1], o)
		},
	}
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "no progress")
	cmd.Flags().StringVar(&o.Platform, "platform", "", "`OS/ARCH[/VARIANT]` (default: this host's)")
	return cmd
}

// unpack leaves the directory as it was when it fails.
func unpack(ctx context.Context, h *hostapi.Host, ref, dir string, o provisioner.PullOptions) (err error) {
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	undo, err := provisioner.BundleDir(dir)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, undo())
		}
	}()
	if err := unpackRootfs(ctx, h, ref, filepath.Join(dir, "rootfs"), o); err != nil {
		return err
	}
	spec, err := bundleSpec(ctx, h, ref, filepath.Base(dir), o.Platform)
	if err != nil {
		return err
	}
	return writeSpec(filepath.Join(dir, "config.json"), spec)
}

// unpackRootfs holds a lease while it reads the layers.
func unpackRootfs(ctx context.Context, h *hostapi.Host, ref, rootfs string, o provisioner.PullOptions) (err error) {
	store, err := h.Images()
	if err != nil {
		return err
	}
	holder, err := provisioner.ProcessHolder()
	if err != nil {
		return err
	}
	image, err := store.Lease(ctx, holder, ref, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Release(holder)) }()
	return store.Unpack(ctx, image, rootfs)
}

// bundleSpec is what a launch would hand its engine, less what is a container's
// own: there is none.
func bundleSpec(ctx context.Context, h *hostapi.Host, ref, name, platform string) (*specs.Spec, error) {
	c, err := h.Containers(ctx)
	if err != nil {
		return nil, err
	}
	config := &mctr.ContainerConfig{Image: ref, Platform: platform, Pull: "never", Network: mctr.NetworkNone}
	store, err := h.Images()
	if err != nil {
		return nil, err
	}
	if image, err := store.Inspect(ctx, ref); err == nil && len(image.Config.Entrypoint)+len(image.Config.Cmd) == 0 {
		config.Process.Args = []string{"sh"} // a bundle must name a command
	}
	spec, err := c.DryRun(ctx, config)
	if err != nil {
		return nil, err
	}
	disown(h, spec, name)
	return spec, nil
}

// disown takes out what lies in mctr's directories, and lets the runtime that
// will run it name its control group.
func disown(h *hostapi.Host, spec *specs.Spec, name string) {
	spec.Mounts = slices.DeleteFunc(spec.Mounts, func(m specs.Mount) bool {
		return below(m.Source, h.Local.Root) || below(m.Source, h.Local.State)
	})
	spec.Process.Env = slices.DeleteFunc(spec.Process.Env, func(v string) bool {
		return strings.HasPrefix(v, "MESOS_") || strings.HasPrefix(v, "HOSTNAME=")
	})
	spec.Hostname, spec.Linux.CgroupsPath = name, ""
}

func below(path, dir string) bool { return strings.HasPrefix(path, dir+string(filepath.Separator)) }

func writeSpec(path string, spec *specs.Spec) error {
	data, err := json.MarshalIndent(spec, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o600)
}
