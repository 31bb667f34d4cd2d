package containerizer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/internal/flock"
)

// reserve takes the container's name and id and its lock, and records the
// intent. The lock is the caller's afterwards.
func (c *Containerizer) reserve(ctx context.Context, r *record) (*held, error) {
	lock, err := c.claim(ctx, r)
	if errors.Is(err, fs.ErrNotExist) { // ROOT or STATE was deleted while this process ran
		if err := c.setUp(ctx); err != nil {
			return nil, err
		}
		lock, err = c.claim(ctx, r)
	}
	if err != nil {
		return nil, err
	}
	if err := c.intend(r); err != nil {
		return nil, errors.Join(err, c.forget(r.ID), lock.Unlock())
	}
	return lock, nil
}

// claim takes name and id together, under a lock of all names: a name whose
// container does not exist is free.
func (c *Containerizer) claim(ctx context.Context, r *record) (*held, error) {
	if r.Config.Name != "" {
		names, err := flock.Exclusive(ctx, filepath.Join(c.paths.locks(), ".names"))
		if err != nil {
			return nil, err
		}
		defer names.Unlock() // closing a lock file cannot fail usefully
		if err := c.takeName(r.Config.Name, r.ID); err != nil {
			return nil, err
		}
	}
	lock, err := c.lock(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	err = os.Mkdir(c.paths.dir(r.ID), 0o700)
	if errors.Is(err, fs.ErrExist) {
		err = fmt.Errorf("%w: container %s exists", mctr.ErrExists, r.ID)
	}
	if err != nil {
		c.dropName(r.Config.Name, r.ID)
		return nil, errors.Join(err, lock.Unlock())
	}
	return lock, nil
}

func (c *Containerizer) takeName(name string, id mctr.ContainerID) error {
	holder, err := c.holderOf(name)
	if err != nil {
		return err
	}
	if holder != "" {
		return fmt.Errorf("%w: the name %q is in use by container %s (remove or rename it, or choose another name)",
			mctr.ErrExists, name, holder.Short())
	}
	return atomicfile.Write(filepath.Join(c.paths.names(), name), []byte(id), 0o600)
}

// holderOf is the container called name, "" when there is none.
func (c *Containerizer) holderOf(name string) (mctr.ContainerID, error) {
	data, err := os.ReadFile(filepath.Join(c.paths.names(), name))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	id := mctr.ContainerID(data)
	if _, err := os.Lstat(c.paths.dir(id)); id.Validate() != nil || errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return id, nil
}

// dropName frees name if it still is id's.
func (c *Containerizer) dropName(name string, id mctr.ContainerID) {
	path := filepath.Join(c.paths.names(), name)
	if data, err := os.ReadFile(path); name != "" && err == nil && string(data) == string(id) {
		_ = os.Remove(path)
	}
}

func (c *Containerizer) intend(r *record) error {
	if err := os.Mkdir(c.paths.stateDir(r.ID), 0o700); err != nil {
		return err
	}
	if err := atomicfile.WriteDurableJSON(c.paths.config(r.ID), r); err != nil {
		return err
	}
	if err := c.journal(r.ID).reach(atIntent); err != nil {
		return err
	}
	c.tell(r, mctr.EventCreate, nil)
	return nil
}

func (c *Containerizer) journal(id mctr.ContainerID) journal { return journal{c.paths.journal(id)} }

// newRecord checks the config as far as that needs nothing, and gives it a name.
func (c *Containerizer) newRecord(id mctr.ContainerID, config *mctr.ContainerConfig) (*record, error) {
	if err := errors.Join(id.Validate(), checkConfig(config)); err != nil {
		return nil, err
	}
	if err := checkNesting(id, config); err != nil {
		return nil, err
	}
	copied := *config
	if copied.Name != "" {
		if err := mctr.ValidateName(copied.Name); err != nil {
			return nil, err
		}
	}
	if path, err := findRuntime(copied.Runtime); err == nil { // or else Check says why
		copied.Runtime = path
	}
	if copied.Owner == "" {
		copied.Owner = c.owner
	}
	c.settle(id, &copied)
	r := &record{Schema: schema, ID: id, Created: time.Now().UTC(), Config: &copied}
	if !c.commands.none() {
		r.Commands = &c.commands
	}
	return r, nil
}

// settle fills in what a config says by its place: targets of mounts that are relative to
// the sandbox, as Mesos' container_path may be, and what a nested container has of its
// parent, where it says nothing itself.
func (c *Containerizer) settle(id mctr.ContainerID, config *mctr.ContainerConfig) {
	sandbox := mctr.SandboxPath
	if config.Image == "" {
		sandbox = c.paths.sandbox(id)
	}
	config.Mounts = slices.Clone(config.Mounts)
	for i, m := range config.Mounts {
		if m.Target != "" && filepath.IsLocal(m.Target) { // else it is refused by Check
			config.Mounts[i].Target = filepath.Join(sandbox, m.Target)
		}
	}
	if config.Listen != nil || id.Parent() == "" {
		return
	}
	if parent, err := c.load(id.Parent()); err == nil { // else the launch finds that it is gone
		config.Listen = parent.Config.Listen
	}
}

// Resolve finds the container that ref names: an id, a name, or a unique prefix of an
// id, in this order: nobody's name stands before another's id. The error wraps
// mctr.ErrNotFound or, for an ambiguous prefix, mctr.ErrInvalid.
func (c *Containerizer) Resolve(ref string) (mctr.ContainerID, error) {
	if id := mctr.ContainerID(ref); id.Validate() == nil {
		if c.hasRecords(id) {
			return id, nil
		}
	}
	if mctr.ValidateName(ref) == nil {
		if id, err := c.holderOf(ref); err != nil || id != "" {
			return id, err
		}
	}
	return c.byPrefix(ref)
}

func (c *Containerizer) byPrefix(ref string) (mctr.ContainerID, error) {
	if mctr.ContainerID(ref).Validate() != nil {
		return "", fmt.Errorf("%w: no such container: %s", mctr.ErrNotFound, ref)
	}
	ids, err := c.Containers()
	if err != nil {
		return "", err
	}
	named, err := c.byRootName(ref)
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
		return "", fmt.Errorf("%w: no such container: %s", mctr.ErrNotFound, ref)
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("%w: %q begins the ids of %d containers", mctr.ErrInvalid, ref, len(found))
}

// byRootName reads NAME.CHILD, where NAME is a root container's: its id in place
// of the name; "" where there is no such root.
func (c *Containerizer) byRootName(ref string) (string, error) {
	name, rest, nested := strings.Cut(ref, ".")
	if !nested || mctr.ValidateName(name) != nil {
		return "", nil
	}
	root, err := c.holderOf(name)
	if err != nil || root == "" {
		return "", err
	}
	return string(root) + "." + rest, nil
}

// abbreviates says whether each part of short begins the same part of id.
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
