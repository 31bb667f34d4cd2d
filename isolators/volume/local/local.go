// Package local is the volume/local isolator: it mounts named volumes of this host, and anonymous ones,
// among them the Volumes of an image.
//
// Launch: Complete, Check and Prepare; the engine makes the mounts. On disk: the volumes, which package
// internal/volumes stores. A named volume that does not exist is made; one that is empty begins with
// the image's files at its target. An anonymous volume is removed with the last container that uses
// it: Dir/volume/local/anonymous has a file for each. STATE/volume/local/used has a file for each
// volume in use, and mounts a mount for each part of a volume, because a task could replace the path
// by a link; both until Cleanup. In the kernel: these mounts, and those in the container's mount
// namespace. Recovery: volumes that were half made or half removed, and users that do not exist.
// Spec: image-spec config.md, "Volumes". Mesos: persistent volumes, docker/volume.
package local

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/saferoot"
	"github.com/mctr/mctr/internal/treemount"
	"github.com/mctr/mctr/internal/volumes"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/isolators/volume/internal/bind"
)

// New returns the isolator for the volumes in the store.
func New(store *volumes.Store) isolators.Isolator { return &isolator{store: store} }

type isolator struct {
	isolators.Base
	store *volumes.Store
}

func (*isolator) Name() string { return "volume/local" }

// VolumeTypes returns the types of the volumes that the isolator mounts.
func (*isolator) VolumeTypes() []string { return []string{mctr.VolumeLocal, mctr.VolumeNamed} }

// Complete replaces the type of named volumes by their driver.
func (i *isolator) Complete(_ context.Context, _ mctr.ContainerID, config *mctr.ContainerConfig) (string, error) {
	config.Volumes = slices.Clone(config.Volumes)
	for n, v := range config.Volumes {
		if v.Type != mctr.VolumeNamed {
			continue
		}
		config.Volumes[n].Type = mctr.VolumeLocal
		there, err := i.store.Get(v.Source)
		if v.Source == "" || errors.Is(err, mctr.ErrNotFound) {
			continue
		}
		if err != nil {
			return "", err
		}
		config.Volumes[n].Type = there.Driver
	}
	return "", nil
}

// Check refuses names that no volume can have.
func (i *isolator) Check(_ context.Context, config *mctr.ContainerConfig) error {
	for _, v := range config.Volumes {
		if !mine(v) {
			continue
		}
		if v.Source != "" {
			if err := mctr.ValidateVolumeName(v.Source); err != nil {
				return fmt.Errorf("volumes.source for %s: %w", v.Target, err)
			}
		}
		if err := bind.CheckOptions(v); err != nil {
			return err
		}
	}
	return nil
}

func mine(v mctr.Volume) bool { return v.Type == mctr.VolumeLocal || v.Type == mctr.VolumeNamed }

// Prepare notes that the container uses its volumes, and fills those that are empty.
func (i *isolator) Prepare(ctx context.Context, c *mctr.Container) (*mctr.Adjustment, error) {
	a := &mctr.Adjustment{Groups: bind.Groups(c.Config.Volumes, mine)}
	for n, v := range slices.Concat(c.Config.Volumes, imageVolumes(c)) {
		if !mine(v) {
			continue
		}
		source, err := i.use(ctx, c, n, v)
		if err != nil {
			return nil, fmt.Errorf("%w: mount volume %s", err, strings.TrimSpace(v.Source+" at "+v.Target))
		}
		m := bind.Mount(v, source)
		if err := bind.MapOwner(c, v, &m, func() (uint32, uint32, error) { return ownerOf(source) }); err != nil {
			return nil, fmt.Errorf("option idmap of volume %s: %w", strings.TrimSpace(v.Source+" at "+v.Target), err)
		}
		a.Volumes = append(a.Volumes, m)
	}
	return a, nil
}

func ownerOf(dir string) (uid, gid uint32, err error) {
	var st unix.Stat_t
	err = unix.Stat(dir, &st)
	return st.Uid, st.Gid, err
}

// use returns the path of the files of the container's volume n.
func (i *isolator) use(ctx context.Context, c *mctr.Container, n int, v mctr.Volume) (string, error) {
	name := nameOf(c.ID, v)
	if c.DryRun {
		return filepath.Join(i.store.Data(mctr.NamedVolume{Name: name}), v.SubPath), nil
	}
	if err := i.note(c.Handle, name, v.Source == ""); err != nil {
		return "", err
	}
	named := mctr.NamedVolume{Name: name}
	if v.Source == "" {
		named.Container = c.ID
	}
	if err := i.adopt(ctx, c, named, v.Target); err != nil {
		return "", err
	}
	content, err := firstContent(ctx, c, v)
	if err != nil {
		return "", err
	}
	dir, err := i.store.Use(ctx, named, c.ID, shared(content, v))
	if err != nil || v.SubPath == "" {
		return dir, err
	}
	at := filepath.Join(mounts(c.Handle), strconv.Itoa(n))
	if err := treemount.Unbind(at); err != nil { // of an earlier Prepare
		return "", err
	}
	return at, treemount.Bind(dir, v.SubPath, at)
}

// nameOf returns the name of the volume in the store.
func nameOf(id mctr.ContainerID, v mctr.Volume) string {
	if v.Source == "" {
		return mctr.AnonymousVolume(id, v.Target)
	}
	return v.Source
}

// Locate returns the directory of a volume that exists. A volume in a filesystem of its own has none
// while no container uses it.
func (i *isolator) Locate(_ context.Context, h mctr.Handle, _ *mctr.Handle,
	v mctr.Volume) (*isolators.Location, error) {
	dir, err := i.store.Mounted(nameOf(h.ID, v))
	if dir == "" || err != nil {
		return nil, err
	}
	at := &isolators.Location{Root: dir, Path: filepath.Join("/", v.SubPath)}
	opened, err := saferoot.Open(at.Root, at.Path, 0)
	if err != nil {
		return nil, err
	}
	return at, opened.Close()
}
