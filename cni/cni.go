package cni

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/containernetworking/cni/libcni"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni/networks"
)

// DefaultTimeout is what one plugin has for one command.
const DefaultTimeout = time.Minute

// DefaultConfigDirs are where operators' networks lie, as the specification's
// examples and other runtimes have it.
var DefaultConfigDirs = []string{"/etc/cni/net.d"}

// DefaultPluginDirs are where distributions and projects install plugins.
var DefaultPluginDirs = []string{"/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni"}

// PluginDirs are DefaultPluginDirs and before them the directory cni beside this
// program, where make build puts the reference plugins.
func PluginDirs() []string {
	self, err := os.Executable()
	if err != nil {
		return DefaultPluginDirs
	}
	return append([]string{filepath.Join(filepath.Dir(self), "cni")}, DefaultPluginDirs...)
}

// A Config says where networks and plugins are.
type Config struct {
	Root, State string        // this package's own directories; made when they are needed
	ConfigDirs  []string      // after Root's own networks; empty: DefaultConfigDirs
	PluginDirs  []string      // empty: PluginDirs()
	Timeout     time.Duration // of one plugin's command; 0: DefaultTimeout
	Log         slog.Handler  // nil: nowhere
	Observe     func(Call)    // is called for each plugin that ended; may be nil
}

// Networks are the CNI networks of one root. Nothing is cached: a network that is
// added or removed while the agent runs is seen at the next launch. It is safe
// for concurrent use, by several processes too.
type Networks struct {
	*networks.Store
	records
	pins
	config Config
	log    *slog.Logger
	ready  *readiness
}

// A Network is a configuration list as it was read: see networks.Network.
type Network = networks.Network

// A Definition is what mctr makes a network from: see networks.Definition.
type Definition = networks.Definition

// A Subnet is where a network's addresses come from: see networks.Subnet.
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

// New returns the networks of config. It touches nothing.
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
		config: config, log: slog.New(config.Log), ready: &readiness{},
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

// PluginDirs are where plugins are looked for.
func (n *Networks) PluginDirs() []string { return n.config.PluginDirs }

// ChooseDefault gives a root container whose config names no network the default one: see
// networks.ChooseDefault.
func ChooseDefault(available func(name string) error, c *mctr.ContainerConfig) (without, err error) {
	return networks.ChooseDefault(available, c)
}

func (n *Networks) locks() string { return filepath.Join(n.config.State, "locks") }

// plugins gives libcni with this root's cache and our way to run plugins, which
// are looked for in more directories after the usual ones.
func (n *Networks) plugins(e *executor, more ...string) *libcni.CNIConfig {
	e.timeout, e.observe = n.config.Timeout, n.config.Observe
	return libcni.NewCNIConfigWithCacheDir(append(slices.Clone(n.config.PluginDirs), more...),
		filepath.Join(n.config.Root, "cache"), e)
}

// Warn says something of these networks to their log.
func (n *Networks) Warn(message string, args ...any) { n.log.Warn(message, args...) }
