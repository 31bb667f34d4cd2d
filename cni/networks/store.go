// Package networks reads and makes CNI networks: the configuration lists that operators
// wrote, and those that mctr makes from a [Definition].
//
// On disk: a list for each network of mctr's below Root (networks/NAME.conflist), and their
// addresses (addresses/NAME, by the plugin host-local). In the kernel: bridges and VXLAN
// interfaces, made when the first container is attached. Both survive a restart; the
// interfaces are made again after a reboot.
package networks

import (
	"context"
	"path/filepath"
)

// A Store is the networks of one root. Nothing is cached: a network that is added or
// removed while an agent runs is seen at the next launch.
type Store struct {
	Root       string   // of mctr's own networks; made when the first is
	ConfigDirs []string // operators' networks, after Root's own
	PluginDirs []string // where plugins are looked for

	// Versions asks a plugin for the CNI versions that it knows.
	Versions func(ctx context.Context, program string) ([]string, error)
	// Hold keeps containers from being attached to a network until release is called. The
	// error wraps mctr.ErrState if any is attached.
	Hold func(ctx context.Context, name string) (release func(), err error)
}

// Dir is the directory of mctr's own networks.
func (s *Store) Dir() string { return filepath.Join(s.Root, "networks") }
