// Package host opens what a process needs to run containers on its host: the image store, the CNI
// networks, the table of isolators and the containerizer, all for the same two directories. Every
// program of mctr, and every program that embeds mctr, starts here, so that all have the same
// defaults: the zero [Config] has those of the command line.
//
// On disk: ROOT and STATE, once the images or the containerizer are opened; see packages provisioner
// and containerizer.
package host

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni"
	"github.com/mctr/mctr/containerizer"
	csivolumes "github.com/mctr/mctr/csi/volumes"
	"github.com/mctr/mctr/internal/dirs"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/isolators/builtin"
	"github.com/mctr/mctr/provisioner"
)

// The default directories.
const (
	DefaultRoot  = "/var/lib/mctr" // survives a reboot: images, logs, records
	DefaultState = "/run/mctr"     // void after a reboot
)

// A Config sets up a Host. Every field is optional.
type Config struct {
	Root, State string       // "": the defaults
	Owner       string       // of the containers that this process launches; "": "library"
	Log         slog.Handler // receives problems that no call can return; nil: they are discarded

	// Images: see packages provisioner and puller.
	Backend   string   // overlay or copy; "": the first that this host supports
	PlainHTTP []string // registries HOST[:PORT] to contact by http; loopback addresses always are
	HostsDirs []string // directories with HOST/hosts.toml; nil: /etc/mctr/certs.d, /etc/containerd/certs.d

	// Networks: see package cni.
	CNIConfigDirs, CNIPluginDirs []string      // nil: the usual directories
	CNITimeout                   time.Duration // for one command of a plugin; 0: cni.DefaultTimeout

	// Control groups: see containerizer.WithCgroupManager and WithCgroupParent.
	CgroupManager string
	CgroupParent  *string // nil: the parent of the other processes with this State

	// Commands of shims: see containerizer.WithExitCommand and WithWatchCommand.
	ExitCommand, WatchCommand []string

	// Programs of mctr; "": the one beside this program, or else in $PATH.
	Shim, Helper, CSIProgram string

	// Isolators follow the built-in ones, in this order.
	Isolators []isolators.Isolator
	// Options of the containerizer that nothing above sets.
	Options []containerizer.Option
}

// A Host is the parts that a process has opened. Its methods may be called concurrently.
type Host struct {
	Config // with absolute directories, without symbolic links

	mu         sync.Mutex
	images     *provisioner.Provisioner
	networks   *cni.Networks
	containers *containerizer.Containerizer
}

// Open resolves the directories, which need not exist. Each method opens its part when it is first
// called, so that a process needs only the rights for the parts it uses.
func Open(c Config) (h *Host, err error) {
	if c.Root == "" {
		c.Root = DefaultRoot
	}
	if c.State == "" {
		c.State = DefaultState
	}
	if c.Root, err = dirs.Resolve(c.Root); err != nil {
		return nil, fmt.Errorf("root: %w", err)
	}
	if c.State, err = dirs.Resolve(c.State); err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	if c.Log == nil {
		c.Log = slog.DiscardHandler
	}
	return &Host{Config: c}, nil
}

// Images opens the image store.
func (h *Host) Images() (*provisioner.Provisioner, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.openImages()
}

func (h *Host) openImages() (*provisioner.Provisioner, error) {
	if h.images != nil {
		return h.images, nil
	}
	options := []provisioner.Option{provisioner.WithPlainHTTP(h.PlainHTTP...), provisioner.WithBackend(h.Backend)}
	if len(h.HostsDirs) > 0 {
		options = append(options, provisioner.WithHostsDirs(h.HostsDirs...))
	}
	images, err := provisioner.New(h.Root, options...)
	h.images = images
	return images, err
}

// Networks returns the CNI networks of these directories, and the operator's.
func (h *Host) Networks() *cni.Networks {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.openNetworks()
}

func (h *Host) openNetworks() *cni.Networks {
	if h.networks == nil {
		h.networks = cni.New(cni.Config{
			Root: filepath.Join(h.Root, "cni"), State: filepath.Join(h.State, "cni"),
			ConfigDirs: h.CNIConfigDirs, PluginDirs: h.CNIPluginDirs, Timeout: h.CNITimeout, Log: h.Log,
		})
	}
	return h.networks
}

// Volumes returns the named volumes of these directories. Volumes with limits need mctr-helper.
func (h *Host) Volumes() *containerizer.Volumes {
	h.mu.Lock()
	defer h.mu.Unlock()
	helper := h.Helper
	if helper == "" {
		helper, _ = containerizer.FindProgram("mctr-helper") // what needs it reports that it is missing
	}
	return containerizer.NewVolumes(h.Root, h.State, helper, h.csi())
}

// CSI returns the volumes of CSI plugins of these directories.
func (h *Host) CSI() *csivolumes.Driver {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.csi()
}

func (h *Host) csi() *csivolumes.Driver {
	program := h.CSIProgram
	if program == "" {
		program, _ = containerizer.FindProgram("mctr-csi") // a request reports that it is missing
	}
	return csivolumes.New(h.Root, program)
}

// Containers opens the containerizer. It recovers nothing: an agent calls
// [containerizer.Containerizer.Recover] next. The error wraps mctr.ErrUnsupported if the process
// does not run as root.
func (h *Host) Containers(ctx context.Context) (*containerizer.Containerizer, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.containers != nil {
		return h.containers, nil
	}
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("%w: containers are run by root", mctr.ErrUnsupported)
	}
	images, err := h.openImages()
	if err != nil {
		return nil, err
	}
	if h.Helper == "" {
		if h.Helper, err = containerizer.FindProgram("mctr-helper"); err != nil {
			return nil, err
		}
	}
	table := builtin.Table(builtin.Deps{Root: h.Root, State: h.State, Helper: h.Helper, Images: images,
		Networks: h.openNetworks(), CSI: h.csi()})
	options := []containerizer.Option{
		containerizer.WithDirs(h.Root, h.State), containerizer.WithImages(images),
		containerizer.WithShim(h.Shim),
		containerizer.WithIsolators(append(table, h.Isolators...)), containerizer.WithLog(h.Log),
		containerizer.WithCgroupManager(h.CgroupManager),
		containerizer.WithExitCommand(h.ExitCommand...), containerizer.WithWatchCommand(h.WatchCommand...),
	}
	if h.Owner != "" {
		options = append(options, containerizer.WithOwner(h.Owner))
	}
	if h.CgroupParent != nil {
		options = append(options, containerizer.WithCgroupParent(*h.CgroupParent))
	}
	h.containers, err = containerizer.New(ctx, append(options, h.Options...)...)
	return h.containers, err
}

// Close closes the parts that were opened. Containers keep running.
func (h *Host) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.containers == nil {
		return nil
	}
	return h.containers.Close()
}
