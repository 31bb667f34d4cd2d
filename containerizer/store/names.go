package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/internal/flock"
)

// lockNames locks all names. A name whose container does not exist is free.
func (s *Store) lockNames(ctx context.Context) (*flock.Lock, error) {
	return flock.Exclusive(ctx, filepath.Join(s.Locks(), ".names"))
}

func (s *Store) takeName(name string, id mctr.ContainerID) error {
	holder, err := s.Named(name)
	if err != nil {
		return err
	}
	if holder != "" {
		return fmt.Errorf("%w: the name %q is in use by container %s (remove or rename it, or choose another name)",
			mctr.ErrExists, name, holder.Short())
	}
	return atomicfile.Write(filepath.Join(s.Names(), name), []byte(id), 0o600)
}

// Named returns the container called name, "" if there is none.
func (s *Store) Named(name string) (mctr.ContainerID, error) {
	data, err := os.ReadFile(filepath.Join(s.Names(), name))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	id := mctr.ContainerID(data)
	if id.Validate() != nil {
		return "", nil
	}
	if _, err := os.Lstat(s.Paths(id).Dir()); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return id, nil
}

// FreeName frees name if it is this container's.
func (c *Container) FreeName(name string) {
	path := filepath.Join(c.store.Names(), name)
	if data, err := os.ReadFile(path); name != "" && err == nil && string(data) == string(c.ID) {
		_ = os.Remove(path)
	}
}

// FreeStaleName frees a name whose container does not exist. A container that is being reserved
// takes its name first, under the same lock, and exists when that lock is free again.
func (s *Store) FreeStaleName(ctx context.Context, name string) error {
	names, err := s.lockNames(ctx)
	if err != nil {
		return err
	}
	defer names.Unlock()
	if holder, err := s.Named(name); err != nil || holder != "" {
		return err
	}
	return Remove(filepath.Join(s.Names(), name))
}

// Rename gives the container another name. The error wraps mctr.ErrExists if the name is in
// use.
func (c *Container) Rename(ctx context.Context, name string) error {
	names, err := c.store.lockNames(ctx)
	if err != nil {
		return err
	}
	defer names.Unlock()
	lock, err := c.Lock(ctx)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	if err := c.Upgrade(ctx); err != nil {
		return err
	}
	r, err := c.RecordToChange()
	if err != nil {
		return err
	}
	old := r.Config.Name
	if old == name {
		return fmt.Errorf("%w: container %s is called %s", mctr.ErrExists, c.ID.Short(), name)
	}
	if err := c.store.takeName(name, c.ID); err != nil {
		return err
	}
	r.Config.Name = name
	if err := c.SetRecord(r); err != nil {
		c.FreeName(name)
		return err
	}
	c.FreeName(old)
	c.store.Emit(r, mctr.EventRename, map[string]string{"oldName": old})
	return nil
}

// Resolve returns the container that ref names: by id, by name, or by a unique prefix of an id,
// in this order, so that no name hides another container's id. ids are the ids that a prefix may
// stand for. The error wraps mctr.ErrNotFound or, for an ambiguous prefix, mctr.ErrInvalid.
func (s *Store) Resolve(ref string, ids func() ([]mctr.ContainerID, error)) (mctr.ContainerID, error) {
	if id := mctr.ContainerID(ref); id.Validate() == nil && s.Container(id).Exists() {
		return id, nil
	}
	if mctr.ValidateName(ref) == nil {
		if id, err := s.Named(ref); err != nil || id != "" {
			return id, err
		}
	}
	if mctr.ContainerID(ref).Validate() != nil {
		return "", notFound(ref)
	}
	all, err := ids()
	if err != nil {
		return "", err
	}
	return s.byPrefix(ref, all)
}

func (s *Store) byPrefix(ref string, ids []mctr.ContainerID) (mctr.ContainerID, error) {
	named, err := s.byRootName(ref)
	if err != nil {
		return "", err
	}
	var found []mctr.ContainerID
	for _, id := range ids {
		if string(id) == named {
			return id, nil
		}
		if abbreviates(ref, string(id)) || abbreviates(named, string(id)) {
			found = append(found, id)
		}
	}
	switch len(found) {
	case 0:
		return "", notFound(ref)
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("%w: %q begins the ids of %d containers", mctr.ErrInvalid, ref, len(found))
}

// byRootName resolves NAME.CHILD, where NAME is the name of a root container, by replacing the
// name with the root's id. It returns "" if there is no such root.
func (s *Store) byRootName(ref string) (string, error) {
	name, rest, nested := strings.Cut(ref, ".")
	if !nested || mctr.ValidateName(name) != nil {
		return "", nil
	}
	root, err := s.Named(name)
	if err != nil || root == "" {
		return "", err
	}
	return string(root) + "." + rest, nil
}

// abbreviates returns true if each part of short begins the same part of id.
func abbreviates(short, id string) bool {
	parts, whole := strings.Split(short, "."), strings.Split(id, ".")
	if short == "" || len(parts) != len(whole) {
		return false
	}
	for i, part := range parts {
		if !strings.HasPrefix(whole[i], part) {
			return false
		}
	}
	return true
}
