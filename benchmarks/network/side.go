package network

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"sync"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/benchmarks/compare"
	"github.com/mctr/mctr/benchmarks/network/load"
	"github.com/mctr/mctr/cni"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/isolators/builtin"
	"github.com/mctr/mctr/provisioner"
)

// A Side is one of the two hosts. This process runs in the host's network namespace.
type Side struct {
	dir        string
	self, peer netip.Addr // on the wire
	first      bool       // true on one of the two, where they must differ
	felix      *process   // Calico's agent; nil until a network of Calico is prepared
	programs   Programs

	containers *containerizer.Containerizer
	networks   *cni.Networks
	calls      calls
	parent     parent // starts the host's processes

	mu      sync.Mutex
	loaders map[string]*loader
	made    map[string]*network
}

// Programs are the programs that a side runs.
type Programs struct {
	Bench  string // mctr-bench
	Bin    string // the directory of mctr's other programs, with cni/
	Calico string // the directory of Calico's programs; "": none
}

// NewSide opens a host. It makes a directory, which Close removes.
func NewSide(ctx context.Context, p Programs, self, peer netip.Addr) (*Side, error) {
	dir, err := os.MkdirTemp("", "mctr-bench-")
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir) // containers see its real path
	}
	if err != nil {
		return nil, err
	}
	s := &Side{dir: dir, self: self, peer: peer, first: self.Less(peer), programs: p, parent: newParent(),
		loaders: map[string]*loader{}, made: map[string]*network{}}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, s.Close(context.WithoutCancel(ctx)))
	}
	return s, nil
}

func (s *Side) root() string    { return filepath.Join(s.dir, "root") }
func (s *Side) state() string   { return filepath.Join(s.dir, "state") }
func (s *Side) sockets() string { return filepath.Join(s.dir, "sockets") } // of loaders

func (s *Side) open(ctx context.Context) error {
	if err := os.Mkdir(s.sockets(), 0o700); err != nil {
		return err
	}
	images, err := provisioner.New(s.root())
	if err != nil {
		return err
	}
	plugins := []string{filepath.Join(s.programs.Bin, "cni")}
	if s.programs.Calico != "" {
		plugins = append(plugins, s.programs.Calico)
	}
	s.networks = cni.New(cni.Config{
		Root: filepath.Join(s.root(), "cni"), State: filepath.Join(s.state(), "cni"), ConfigDirs: []string{s.dir},
		PluginDirs: plugins,
		Observe:    s.calls.add, Log: slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}),
	})
	s.containers, err = containerizer.New(ctx,
		containerizer.WithDirs(s.root(), s.state()), containerizer.WithImages(images),
		containerizer.WithShim(filepath.Join(s.programs.Bin, "mctr-shim")),
		containerizer.WithIsolators(builtin.Table(builtin.Deps{
			Root: s.root(), State: s.state(), Helper: filepath.Join(s.programs.Bin, "mctr-helper"),
			Networks: s.networks,
		})))
	return err
}

// Start starts a case's loader. A server's loader also begins to answer.
func (s *Side) Start(ctx context.Context, a Start) (*Started, error) {
	if err := s.prepare(ctx, a.Network); err != nil {
		return nil, fmt.Errorf("network %s: %w", a.Network, err)
	}
	l, err := s.launch(ctx, a)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.loaders[a.Name] = l
	s.mu.Unlock()
	if a.Serve {
		if err := l.client.Serve(ctx, a.Ports); err != nil {
			return nil, err
		}
	}
	return &Started{Address: l.address, MTU: l.mtu}, nil
}

// Run runs a task on a loader.
func (s *Side) Run(ctx context.Context, name string, t load.Task) (*load.Result, error) {
	l, err := s.loader(name)
	if err != nil {
		return nil, err
	}
	return l.client.Run(ctx, t)
}

func (s *Side) loader(name string) (*loader, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.loaders[name]
	if l == nil {
		return nil, fmt.Errorf("%w: loader %s", mctr.ErrNotFound, name)
	}
	return l, nil
}

// CPU returns the processor time that a case's loader, and the processes of its network, have used
// on this host.
func (s *Side) CPU(ctx context.Context, name string) (nanos uint64, err error) {
	l, err := s.loader(name)
	if err != nil {
		return 0, err
	}
	if nanos, err = l.cpu(ctx); err != nil {
		return 0, err
	}
	s.mu.Lock()
	n := s.made[l.network]
	s.mu.Unlock()
	if n != nil && n.process != nil {
		more, err := n.process.cpu()
		return nanos + more, err
	}
	return nanos, nil
}

// Close ends and removes everything. It goes on past errors.
func (s *Side) Close(ctx context.Context) error {
	var errs []error
	for _, l := range s.loaders {
		errs = append(errs, l.close(ctx))
	}
	for _, n := range s.made {
		errs = append(errs, n.close())
	}
	if s.felix != nil {
		errs = append(errs, s.felix.close())
	}
	if s.containers != nil {
		errs = append(errs, s.containers.Close())
	}
	errs = append(errs, compare.RemoveState(s.state()))
	close(s.parent)
	if err := errors.Join(errs...); err != nil {
		return err // do not delete what is in use
	}
	return os.RemoveAll(s.dir)
}
