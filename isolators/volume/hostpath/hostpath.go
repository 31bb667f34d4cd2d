// Package hostpath is the volume/hostpath isolator: it mounts directories and files of the host in
// a container.
//
// Launch: Check and Prepare; the engine makes the mounts. On disk: if a source does not exist and
// the config allows it (docker's -v), Prepare makes a directory, which stays. In the kernel: mounts
// in the container's mount namespace, which end with it. Recovery: none needed. Mesos:
// isolators/volume/host_path.
package hostpath

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/dirs"
	"github.com/mctr/mctr/internal/helper"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/isolators/volume/internal/bind"
)

// probeTime bounds a probe of a path. A path that does not answer in time counts as hung.
const probeTime = 5 * time.Second

// New returns the isolator. jobs probes the sources, because a network filesystem may hang.
func New(jobs *helper.Runner) isolators.Isolator { return &isolator{jobs: jobs} }

type isolator struct {
	isolators.Base
	jobs *helper.Runner
}

func (*isolator) Name() string { return "volume/hostpath" }

// Check refuses sources that are not absolute, and options that mount(8) lacks.
func (*isolator) Check(_ context.Context, config *mctr.ContainerConfig) error {
	for _, v := range config.Volumes {
		if v.Type != mctr.VolumeBind {
			continue
		}
		if !filepath.IsAbs(v.Source) {
			return fmt.Errorf("%w: volumes.source %q for %s: must be an absolute path", mctr.ErrInvalid,
				v.Source, v.Target)
		}
		if err := bind.CheckOptions(v); err != nil {
			return err
		}
	}
	return nil
}

func mine(v mctr.Volume) bool { return v.Type == mctr.VolumeBind }

// Prepare probes the working directory and each source, and lists the mounts.
func (i *isolator) Prepare(ctx context.Context, c *mctr.Container) (*mctr.Adjustment, error) {
	if err := i.workdir(ctx, c); err != nil {
		return nil, err
	}
	a := &mctr.Adjustment{Groups: bind.Groups(c.Config.Volumes, mine)}
	for _, v := range c.Config.Volumes {
		if err := i.notMade(ctx, c, "volumes.target", v.Target); err != nil {
			return nil, err
		}
		if !mine(v) {
			continue
		}
		if err := i.source(ctx, v, c.DryRun); err != nil {
			return nil, err
		}
		m := bind.Mount(v, v.Source)
		err := bind.MapOwner(c, v, &m, func() (uint32, uint32, error) { return i.owner(ctx, v.Source) })
		if err != nil {
			return nil, fmt.Errorf("option idmap of volumes.source %s: %w", v.Source, err)
		}
		a.Volumes = append(a.Volumes, m)
	}
	return a, nil
}

// notMade returns an error if path does not exist and the engine would have to make it on the
// host's own filesystem, where it would stay. Mesos has the same rule in host_path.cpp. field is
// the path's field of the config.
func (i *isolator) notMade(ctx context.Context, c *mctr.Container, field, path string) error {
	path = filepath.Clean(path)
	if c.Image != nil || strings.HasPrefix(path, c.Sandbox+"/") {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	err := i.jobs.Probe(ctx, path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s %s does not exist: without config.image it would be made on the host (make it first)",
			mctr.ErrInvalid, field, path)
	}
	if err != nil {
		return fmt.Errorf("probe %s %s: %w", field, path, err)
	}
	return nil
}

// workdir calls notMade for the working directory, unless the directory is below a mount: the
// engine may make it there.
func (i *isolator) workdir(ctx context.Context, c *mctr.Container) error {
	dir := filepath.Clean(c.Config.Process.WorkingDir)
	within := func(v mctr.Volume) bool { return strings.HasPrefix(dir, filepath.Clean(v.Target)+"/") }
	if c.Config.Process.WorkingDir == "" || slices.ContainsFunc(c.Config.Volumes, within) {
		return nil
	}
	return i.notMade(ctx, c, "process.working_dir", dir)
}

// source returns an error if a volume's source does not exist, or makes it if the config allows that
// and this launch is not a dry run.
func (i *isolator) source(ctx context.Context, v mctr.Volume, dryRun bool) error {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	err := i.jobs.Probe(ctx, v.Source)
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("probe volumes.source %s: %w", v.Source, err)
	case !v.Create:
		return fmt.Errorf("%w: volumes.source %s does not exist (volumes.create makes it)", mctr.ErrInvalid, v.Source)
	case dryRun:
		return nil
	}
	if err := dirs.MakeAll(v.Source, 0o755); err != nil {
		return fmt.Errorf("make volumes.source %s: %w", v.Source, err)
	}
	return nil
}

// VolumeTypes returns the types of the volumes that the isolator mounts.
func (*isolator) VolumeTypes() []string { return []string{mctr.VolumeBind} }

// owner returns the owner of a path.
func (i *isolator) owner(ctx context.Context, path string) (uid, gid uint32, err error) {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	answer, err := i.jobs.Do(ctx, helper.Request{Verb: helper.VerbProbe, Path: path})
	if err != nil {
		return 0, 0, err
	}
	if answer.Owner == nil {
		return 0, 0, fmt.Errorf("%w: mctr-helper is of an earlier build (keep mctr's programs together, of one build)",
			mctr.ErrUnsupported)
	}
	return answer.Owner.UID, answer.Owner.GID, nil
}

// Locate probes the source.
func (i *isolator) Locate(ctx context.Context, _ mctr.Handle, _ *mctr.Handle,
	v mctr.Volume) (*isolators.Location, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	return &isolators.Location{Root: "/", Path: v.Source}, i.jobs.Probe(ctx, v.Source)
}
