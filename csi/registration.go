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
)

// A Registration is a plugin that an operator has made known to this host.
type Registration struct {
	Version int `json:"version"`
	Plugin
	Added time.Time `json:"added"`
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

// Add registers a plugin, durably. Another registration of the same plugin is replaced: its volumes
// are found at the new socket.
func (p *Plugins) Add(plugin Plugin) error {
	if err := plugin.Validate(); err != nil {
		return err
	}
	if err := dirs.MakeAll(p.dir, 0o700); err != nil {
		return err
	}
	return atomicfile.WriteDurableJSON(p.path(plugin.Name),
		Registration{Version: RecordVersion, Plugin: plugin, Added: time.Now().UTC()})
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

// Remove removes the registration of a plugin. The error wraps mctr.ErrState while the store has a volume
// of the plugin, and mctr.ErrNotFound if the plugin is not registered.
func (p *Plugins) Remove(name string, store *Store) error {
	if _, err := p.Get(name); err != nil {
		return err
	}
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
	return os.Remove(p.path(name))
}
