package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/tree"
	"github.com/mctr/mctr/internal/treemount"
	"github.com/mctr/mctr/isolators/stateful"
)

// used returns the directory with a file for each volume that the container has prepared.
func used(h mctr.Handle) string { return filepath.Join(h.State, "volume", "local", "used") }

// mounts returns the directory in which parts of volumes are mounted for the engine.
func mounts(h mctr.Handle) string { return filepath.Join(h.State, "volume", "local", "mounts") }

// anonymous returns the directory with a file for each anonymous volume to remove with the container.
func anonymous(h mctr.Handle) string { return filepath.Join(h.Dir, "volume", "local", "anonymous") }

// note notes, before the store does, that the container uses a volume. A volume that another container
// made as its anonymous one is noted too: the last of its users removes it.
func (i *isolator) note(h mctr.Handle, name string, unnamed bool) error {
	dirs := []string{used(h)}
	if v, err := i.store.Get(name); unnamed || err == nil && v.Container != "" {
		dirs = append(dirs, anonymous(h))
	}
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// adopt makes a volume of the directory that an earlier build kept for the image's volume at target.
func (i *isolator) adopt(ctx context.Context, c *mctr.Container, v mctr.NamedVolume, target string) error {
	earlier := filepath.Join(c.Dir, "docker", "runtime", "volumes", mctr.ContainerID(filepath.Clean(target)).Hash())
	if _, err := os.Lstat(earlier); v.Container == "" || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return i.store.Adopt(ctx, v, earlier)
}

// Cleanup notes that the container no longer uses its volumes.
func (i *isolator) Cleanup(ctx context.Context, h mctr.Handle) error {
	errs := []error{unbindAll(mounts(h))}
	names, err := namesIn(used(h))
	if _, gone := os.Lstat(h.State); errors.Is(gone, fs.ErrNotExist) {
		names, err = i.store.UsedBy(h.ID) // what the container noted itself is lost
	}
	errs = append(errs, err)
	for _, name := range names {
		err := i.store.Release(ctx, name, h.ID)
		if err == nil {
			err = tree.Remove(filepath.Join(used(h), name))
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func unbindAll(dir string) error {
	names, err := namesIn(dir)
	errs := []error{err}
	for _, name := range names {
		errs = append(errs, treemount.Unbind(filepath.Join(dir, name)))
	}
	return errors.Join(errs...)
}

func namesIn(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, nil
}

// Remove removes the container's anonymous volumes, except those that other containers name.
func (i *isolator) Remove(ctx context.Context, h mctr.Handle,
	namedBy func(volume string) (mctr.ContainerID, error)) error {
	names, err := namesIn(anonymous(h))
	errs := []error{err}
	for _, name := range names {
		if other, err := namedBy(name); err != nil || other != "" {
			continue // if it cannot be known that no container uses it, it stays, until it is pruned
		}
		if err := i.store.Remove(ctx, name, nil); err != nil && !errors.Is(err, mctr.ErrNotFound) {
			errs = append(errs, fmt.Errorf("anonymous volume: %w", err))
		}
	}
	return errors.Join(errs...)
}

// Recover reports volumes that are half made or half removed, and users and mounts of unknown
// containers.
func (i *isolator) Recover(_ context.Context, known []mctr.ContainerState,
	handleOf mctr.HandleOf) ([]mctr.Leftover, error) {
	found, err := i.store.Leftovers(func(id mctr.ContainerID) bool {
		return slices.ContainsFunc(known, func(k mctr.ContainerState) bool { return k.ID == id })
	})
	left, failed := stateful.LeftMounts(known, handleOf, func(h mctr.Handle) []string { return []string{mounts(h)} })
	return append(found, left...), errors.Join(err, failed)
}

// Undo removes a volume that is half made or half removed.
func (i *isolator) Undo(ctx context.Context, l mctr.Leftover) error { return i.store.Undo(ctx, l) }
