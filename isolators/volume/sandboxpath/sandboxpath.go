// Package sandboxpath is the volume/sandboxpath isolator: it mounts a directory of the container's
// own sandbox, or of its parent's, at a target in the container. Nested containers exchange files
// through their parent's sandbox.
//
// Launch: Check and Prepare. The sandbox belongs to a task, which could replace a path in it by a
// link, so Prepare opens the directory safely and the engine binds what Prepare has mounted. On
// disk: the directory in the sandbox, which Prepare makes if it does not exist, and which stays. In
// the kernel: a bind mount below volume/sandboxpath in the container's STATE directory, until
// Cleanup. Recovery: such mounts are found by their path. Mesos: isolators/volume/sandbox_path.
package sandboxpath

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/saferoot"
	"github.com/mctr/mctr/internal/treemount"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/isolators/stateful"
	"github.com/mctr/mctr/isolators/volume/internal/bind"
)

// New returns the isolator.
func New() isolators.Isolator { return &isolator{} }

type isolator struct{ isolators.Base }

func (*isolator) Name() string { return "volume/sandboxpath" }

// Check refuses sources that are not paths within a sandbox.
func (*isolator) Check(_ context.Context, config *mctr.ContainerConfig) error {
	for _, v := range config.Volumes {
		if mine(v) && (v.Source == "" || !filepath.IsLocal(v.Source)) {
			return fmt.Errorf("%w: volumes.source %q of the %s at %s: must be a relative path in the sandbox",
				mctr.ErrInvalid, v.Source, v.Type, v.Target)
		}
	}
	return nil
}

// VolumeTypes returns the types of the volumes that the isolator mounts.
func (*isolator) VolumeTypes() []string {
	return []string{mctr.VolumeSandbox, mctr.VolumeParentSandbox}
}

func mine(v mctr.Volume) bool {
	return v.Type == mctr.VolumeSandbox || v.Type == mctr.VolumeParentSandbox
}

// Prepare makes the directories and mounts them for the engine.
func (i *isolator) Prepare(ctx context.Context, c *mctr.Container) (*mctr.Adjustment, error) {
	if err := i.Cleanup(ctx, c.Handle); err != nil { // of an earlier Prepare
		return nil, err
	}
	a := &mctr.Adjustment{Groups: bind.Groups(c.Config.Volumes, mine)}
	for n, v := range c.Config.Volumes {
		if !mine(v) {
			continue
		}
		volume, err := i.volume(c, v, filepath.Join(volumes(c.Handle), strconv.Itoa(n)))
		if err != nil {
			return nil, fmt.Errorf("volume %s at %s: %w", v.Source, v.Target, err)
		}
		a.Volumes = append(a.Volumes, volume)
	}
	return a, nil
}

func (*isolator) volume(c *mctr.Container, v mctr.Volume, target string) (specs.Mount, error) {
	sandbox := c.Sandbox
	if v.Type == mctr.VolumeParentSandbox {
		if c.Parent == nil {
			return specs.Mount{}, fmt.Errorf("%w: type %s: the container is not nested", mctr.ErrInvalid, v.Type)
		}
		sandbox = c.Parent.Sandbox
	}
	if err := makeDirectory(sandbox, v); err != nil {
		return specs.Mount{}, err
	}
	if err := treemount.Bind(sandbox, v.Source, target); err != nil {
		return specs.Mount{}, err
	}
	options := []string{"rbind", "rprivate", "nosuid", "nodev"}
	if v.ReadOnly {
		options = append(options, "ro")
	}
	return specs.Mount{Destination: filepath.Clean(v.Target), Type: "bind", Source: target, Options: options}, nil
}

// Locate returns the directory's place in the sandbox. It fails if the path leads out of the
// sandbox.
func (*isolator) Locate(_ context.Context, h mctr.Handle, parent *mctr.Handle,
	v mctr.Volume) (*isolators.Location, error) {
	switch {
	case v.Type == mctr.VolumeSandbox:
		parent = &h
	case parent == nil:
		return nil, fmt.Errorf("%w: the container is not nested", mctr.ErrInvalid)
	}
	opened, err := saferoot.Open(parent.Sandbox, v.Source, 0)
	if err != nil {
		return nil, err
	}
	return &isolators.Location{Root: parent.Sandbox, Path: v.Source}, opened.Close()
}

// makeDirectory makes v's source in the sandbox with the sandbox's owner, or with the group by which v is
// shared, and never leaves the sandbox. It does not change a directory that exists.
func makeDirectory(sandbox string, v mctr.Volume) error {
	path := v.Source
	var owner unix.Stat_t
	if err := unix.Stat(sandbox, &owner); err != nil {
		return err
	}
	root, err := os.OpenRoot(sandbox)
	if err != nil {
		return err
	}
	defer root.Close()
	if info, err := root.Stat(path); err == nil && info.IsDir() {
		return nil
	}
	if err := makeAll(root, path); err != nil {
		return err
	}
	if v.GID == nil {
		return root.Lchown(path, int(owner.Uid), int(owner.Gid))
	}
	return errors.Join(root.Lchown(path, int(owner.Uid), int(*v.GID)), root.Chmod(path, os.ModeSetgid|0o775))
}

// makeAll makes the missing directories of path with mode 0755, whatever the umask.
func makeAll(root *os.Root, path string) error {
	made := ""
	for part := range strings.SplitSeq(filepath.Clean(path), "/") {
		made = filepath.Join(made, part)
		err := root.Mkdir(made, 0o755)
		if err == nil {
			err = root.Chmod(made, 0o755)
		}
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// volumes returns the directory in which the container's volumes are mounted for the engine.
func volumes(h mctr.Handle) string { return filepath.Join(h.State, "volume", "sandboxpath") }

// earlierVolumes returns the directory that earlier builds used.
func earlierVolumes(h mctr.Handle) string { return filepath.Join(h.State, "volumes") }

// Recover reports the mounts of unknown containers.
func (*isolator) Recover(_ context.Context, known []mctr.ContainerState,
	handleOf mctr.HandleOf) ([]mctr.Leftover, error) {
	return stateful.LeftMounts(known, handleOf, func(h mctr.Handle) []string {
		return []string{volumes(h), earlierVolumes(h)}
	})
}

// Cleanup unmounts the volumes.
func (*isolator) Cleanup(_ context.Context, h mctr.Handle) error {
	return errors.Join(unbindAll(volumes(h)), unbindAll(earlierVolumes(h)))
}

func unbindAll(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	errs := []error{err}
	for _, e := range entries {
		errs = append(errs, treemount.Unbind(filepath.Join(dir, e.Name())))
	}
	return errors.Join(errs...)
}
