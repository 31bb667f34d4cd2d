package csi

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/internal/dirs"
	"github.com/mctr/mctr/internal/tree"
)

// A Registration is a plugin that an operator has made known to this host.
type Registration struct {
	Version int `json:"version"`
	Plugin
	Added     time.Time        `json:"added"`
	Container mctr.ContainerID `json:"container,omitempty"` // that mctr runs the plugin in; "": it runs elsewhere
}

// Plugins are the registrations of one ROOT, in ROOT/csi/plugins, a file for each. Its methods are safe
// for concurrent use by several processes.
type Plugins struct{ dir string }

// NewPlugins returns the registrations below root, the ROOT of the containerizer. It makes nothing.
func NewPlugins(root string) *Plugins { return &Plugins{dir: filepath.Join(root, "csi", "plugins")} }

// pluginName is the rule of CSI for names (spec, GetPluginInfoResponse).
var pluginName = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9.-]{0,61}[a-zA-Z0-9])?$`)

// ValidatePluginName returns an error that wraps mctr.ErrInvalid unless name may be that of a plugin.
func ValidatePluginName(name string) error {
	if pluginName.MatchString(name) {
		return nil
	}
	return fmt.Errorf("%w: csi plugin name %q: want a domain name such as rbd.csi.ceph.com, at most 63 bytes",
		mctr.ErrInvalid, name)
}

func (p *Plugins) path(name string) string { return filepath.Join(p.dir, name+".json") }

// Add registers a plugin, durably. Another registration of the same plugin is replaced, so that its
// volumes are found at the new socket; the error wraps mctr.ErrExists if mctr runs that plugin.
func (p *Plugins) Add(r Registration) error {
	if err := r.Validate(); err != nil {
		return err
	}
	there, err := p.Get(r.Name)
	switch {
	case err == nil && there.Container != "":
		return fmt.Errorf("%w: csi plugin %s, in container %s (remove the plugin first)", mctr.ErrExists, r.Name,
			there.Container.Short())
	case err != nil && !errors.Is(err, mctr.ErrNotFound):
		return err
	}
	if err := dirs.MakeAll(p.dir, 0o700); err != nil {
		return err
	}
	r.Version, r.Added = RecordVersion, time.Now().UTC()
	return atomicfile.WriteDurableJSON(p.path(r.Name), r)
}

// Socket returns the path at which a plugin that mctr runs listens, in a directory of its own.
func (p *Plugins) Socket(name string) string {
	return filepath.Join(filepath.Dir(p.dir), "sockets", name, "csi.sock")
}

// Get returns the registration of a plugin. The error wraps mctr.ErrNotFound if there is none, and
// mctr.ErrUnsupported if a newer version wrote it.
func (p *Plugins) Get(name string) (*Registration, error) {
	if err := ValidatePluginName(name); err != nil {
		return nil, err
	}
	data, err := atomicfile.Read(p.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: csi plugin %s (register it with mctr csi plugin add)", mctr.ErrNotFound, name)
	}
	if err != nil {
		return nil, err
	}
	r := &Registration{}
	if err := parseVersioned(data, r); err != nil {
		return nil, fmt.Errorf("record %s: %w", p.path(name), err)
	}
	if r.Name != name {
		return nil, fmt.Errorf("record %s is that of plugin %q", p.path(name), r.Name)
	}
	return r, r.Validate()
}

// List returns the registrations, sorted by name. The error is about those that cannot be read.
func (p *Plugins) List() (list []Registration, err error) {
	entries, err := os.ReadDir(p.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	errs := []error{err}
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".json")
		if !ok || atomicfile.IsTemp(e.Name()) {
			continue
		}
		r, err := p.Get(name)
		if err == nil {
			list = append(list, *r)
		} else if !errors.Is(err, mctr.ErrNotFound) { // removed meanwhile
			errs = append(errs, err)
		}
	}
	slices.SortFunc(list, func(a, b Registration) int { return strings.Compare(a.Name, b.Name) })
	return list, errors.Join(errs...)
}

// CheckUnused returns an error that wraps mctr.ErrState while the store has a volume of a plugin.
func (p *Plugins) CheckUnused(name string, store *Store) error {
	keys, err := store.Keys()
	if err != nil {
		return err
	}
	for _, key := range keys {
		r, err := store.Read(key)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("which volumes plugin %s has: %w", name, err)
		}
		if err == nil && r.Volume.Plugin == name {
			return fmt.Errorf("%w: csi plugin %s has volume %q (remove the volume first)", mctr.ErrState, name,
				r.Volume.Name)
		}
	}
	return nil
}

// Remove removes the registration of a plugin, and the directory of its socket if mctr has run it.
func (p *Plugins) Remove(name string) error {
	r, err := p.Get(name)
	if err != nil {
		return err
	}
	if r.Container != "" {
		if err := tree.Remove(filepath.Dir(p.Socket(name))); err != nil {
			return err
		}
	}
	return os.Remove(p.path(name))
}
