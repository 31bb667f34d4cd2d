// Package networks reads and makes CNI networks: the configuration lists that operators wrote, and
// those that mctr makes from a [Definition].
//
// On disk: a list for each network of mctr's below Root (networks/NAME.conflist), and the network's
// addresses (addresses/NAME, written by the plugin host-local). In the kernel: bridges and VXLAN
// interfaces, made when the first container is attached. The files survive a reboot; the interfaces
// survive a restart of the agent and are made again after a reboot.
package networks

import (
	"context"
	"path/filepath"
)

// A Store is the networks of one root. It caches nothing: the next launch sees a network that was
// added or removed while an agent runs.
type Store struct {
	Root       string   // the directory of mctr's own networks; made with the first network
	ConfigDirs []string // the directories of operators' networks, read after Root's own
	PluginDirs []string // the directories in which plugins are searched

	// Versions returns the CNI versions that a plugin supports.
	Versions func(ctx context.Context, program string) ([]string, error)
	// Hold prevents containers from being attached to a network until the caller calls release. The
	// error wraps mctr.ErrState if a container is attached.
	Hold func(ctx context.Context, name string) (release func(), err error)
}

// Dir returns the directory of mctr's own networks.
func (s *Store) Dir() string { return filepath.Join(s.Root, "networks") }
