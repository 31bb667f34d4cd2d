package cephfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/mctr/mctr"
)

// nameOf returns the name of the mount with this mount point.
func nameOf(root string) string { return filepath.Base(filepath.Dir(root)) }

// at returns the mount with this mount point, and a function that releases its lock. The error wraps
// mctr.ErrNotFound if there is none.
func (m *Mounts) at(ctx context.Context, root string) (*mount, func(), error) {
	name := nameOf(root)
	hash, _, ok := parseName(name)
	if !ok || m.path(name)+"/root" != root {
		return nil, nil, fmt.Errorf("%w: %s is not the mount point of a volume of cephfs", mctr.ErrNotFound, root)
	}
	if errors.Is(m.load(name).unread, fs.ErrNotExist) { // before a lock is made for nothing
		return nil, nil, fmt.Errorf("%w: the mount of cephfs at %s", mctr.ErrNotFound, root)
	}
	l, err := m.lock(ctx, hash)
	if err != nil {
		return nil, nil, err
	}
	return m.load(name), l.Unlock, nil
}

// Leftovers returns the mounts of containers that known does not have, and those that no container has:
// a process was killed while it mounted or unmounted, or the unmount did not succeed.
func (m *Mounts) Leftovers(known func(mctr.ContainerID) bool) (found []mctr.Leftover, err error) {
	names, err := m.names()
	errs := []error{err}
	for _, name := range names {
		mt := m.load(name)
		ids, err := mt.holders()
		errs = append(errs, err)
		for _, id := range ids {
			if !known(id) {
				found = append(found, mctr.Leftover{Kind: "mount", Object: mt.root(), Owner: id,
					Why: "the container that has it does not exist", Undo: "unmount it"})
			}
		}
		if len(ids) == 0 && err == nil {
			found = append(found, mctr.Leftover{Kind: "mount", Object: mt.root(), Undo: "unmount it",
				Why: "no container has it: " + mt.look().String()})
		}
	}
	return found, errors.Join(errs...)
}

// Undo unmounts a mount that no container has. The error wraps mctr.ErrUnsupported for other leftovers.
func (m *Mounts) Undo(ctx context.Context, l mctr.Leftover) error {
	name := nameOf(l.Object)
	if _, _, ok := parseName(name); !ok || l.Kind != "mount" || l.Object != m.path(name)+"/root" {
		return fmt.Errorf("%w: %s", mctr.ErrUnsupported, l)
	}
	return m.locked(ctx, name, func(mt *mount) error {
		if ids, err := mt.holders(); err != nil || len(ids) > 0 {
			return err
		}
		return mt.unmount(ctx)
	})
}
