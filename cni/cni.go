package cni

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/containernetworking/cni/libcni"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni/networks"
)

// DefaultTimeout bounds one command of one plugin.
const DefaultTimeout = time.Minute

// DefaultConfigDirs are the directories of operators' networks: the one that the CNI
// specification's examples and other runtimes use.
var DefaultConfigDirs = []string{"/etc/cni/net.d"}

// DefaultPluginDirs are the directories in which distributions and projects install plugins.
var DefaultPluginDirs = []string{"/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni"}

// PluginDirs returns the directory cni beside this program, into which make build puts the
// reference plugins, followed by DefaultPluginDirs.
func PluginDirs() []string {
	self, err := os.Executable()
	if err != nil {
		return DefaultPluginDirs
	}
	return append([]string{filepath.Join(filepath.Dir(self), "cni")}, DefaultPluginDirs...)
}

// A Config locates networks and plugins.
type Config struct {
	Root, State string        // directories of this package; made when needed
	ConfigDirs  []string      // read after Root's own networks; empty: DefaultConfigDirs
	PluginDirs  []string      // empty: PluginDirs()
	Timeout     time.Duration // for one command of one plugin; 0: DefaultTimeout
	Log         slog.Handler  // nil discards the messages
	Observe     func(Call)    // called after each plugin has exited; may be nil
}

// Networks are the CNI networks of one root. Networks caches nothing: the next launch sees a
// network that was added or removed while the agent runs. It is safe for concurrent use, also by
// several processes.
type Networks struct {
	*networks.Store
	records
	pins
	config Config
	log    *slog.Logger
	ready  sync.Map // networks that have passed STATUS, by name and content
}

// A Network is a configuration list that was read from a file: see networks.Network.
type Network = networks.Network

// A Definition describes a network that mctr makes: see networks.Definition.
type Definition = networks.Definition

// A Subnet is a range of a network's addresses: see networks.Subnet.
type Subnet = networks.Subnet

// An Overlay joins the bridges of several hosts: see networks.Overlay.
type Overlay = networks.Overlay

// The drivers of a Definition, and the name of the default network.
const (
	Bridge  = networks.Bridge
	Macvlan = networks.Macvlan
	VXLAN   = networks.VXLAN
	Default = networks.Default
)

// New returns the networks of config. It neither reads nor creates anything.
func New(config Config) *Networks {
	if len(config.ConfigDirs) == 0 {
		config.ConfigDirs = DefaultConfigDirs
	}
	if len(config.PluginDirs) == 0 {
		config.PluginDirs = PluginDirs()
	}
	if config.Timeout <= 0 {
		config.Timeout = DefaultTimeout
	}
	if config.Log == nil {
		config.Log = slog.DiscardHandler
	}
	n := &Networks{
		records: records{config.Root}, pins: pins{filepath.Join(config.State, "netns")},
		config: config, log: slog.New(config.Log),
	}
	n.Store = &networks.Store{
		Root: config.Root, ConfigDirs: config.ConfigDirs, PluginDirs: config.PluginDirs, Hold: n.holdUnused,
		Versions: func(ctx context.Context, program string) ([]string, error) {
			info, err := n.plugins(&executor{}).GetVersionInfo(ctx, program)
			if err != nil {
				return nil, err
			}
			return info.SupportedVersions(), nil
		},
	}
	return n
}

// PluginDirs returns the directories in which plugins are searched.
func (n *Networks) PluginDirs() []string { return n.config.PluginDirs }

// ChooseDefault sets the default network in the config of a root container that names no network:
// see networks.ChooseDefault.
func ChooseDefault(available func(name string) error, c *mctr.ContainerConfig) (without, err error) {
	return networks.ChooseDefault(available, c)
}

// plugins returns libcni's interface with this root's cache and with e, which runs the plugins.
// They are searched in the configured directories, then in more.
func (n *Networks) plugins(e *executor, more ...string) *libcni.CNIConfig {
	e.timeout, e.observe = n.config.Timeout, n.config.Observe
	return libcni.NewCNIConfigWithCacheDir(append(slices.Clone(n.config.PluginDirs), more...),
		filepath.Join(n.config.Root, "cache"), e)
}

// Warn logs a warning about these networks.
func (n *Networks) Warn(message string, args ...any) { n.log.Warn(message, args...) }
