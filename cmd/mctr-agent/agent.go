package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/agent/server"
	"github.com/mctr/mctr/cni"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/internal/buildinfo"
	"github.com/mctr/mctr/internal/dirs"
	"github.com/mctr/mctr/internal/flock"
	"github.com/mctr/mctr/isolators/builtin"
	"github.com/mctr/mctr/provisioner"
)

// The bounds on clients that do nothing.
const (
	headerTime = 10 * time.Second
	idleTime   = 2 * time.Minute
	maxHeader  = 64 << 10        // bytes
	graceTime  = 5 * time.Second // for answers under way when the agent ends
)

// serve is the agent's life: it takes over what runs, serves until ctx ends, and
// leaves what runs to the next one.
func serve(ctx context.Context, f *flags) error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("%w: mctr-agent must be run by root", mctr.ErrUnsupported)
	}
	hangUps := make(chan os.Signal, 1)
	signal.Notify(hangUps, unix.SIGHUP) // from here on, a terminal's end or a reload ends no agent
	defer signal.Stop(hangUps)
	lock, err := lockName(ctx, f)
	if err != nil {
		return err
	}
	listeners, err := f.listeners()
	if err != nil {
		return errors.Join(err, lock.Unlock())
	}
	a, err := open(ctx, f)
	if err != nil {
		return errors.Join(err, closeAll(listeners), lock.Unlock())
	}
	defer a.containers.Close()
	return a.run(ctx, &endpointKeeper{service: a, lock: lock, sockets: listeners}, hangUps)
}

// lockName keeps a second agent of this name away: each would take the other's
// containers for orphans.
func lockName(ctx context.Context, f *flags) (*flock.Lock, error) {
	if err := dirs.MakeAll(f.state, 0o711); err != nil {
		return nil, fmt.Errorf("--state: %w", err)
	}
	if err := os.Mkdir(filepath.Dir(f.lockFile()), 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	lock, err := flock.AfterDead(ctx, f.lockFile())
	if errors.Is(err, flock.ErrHeld) {
		return nil, fmt.Errorf("%w: an agent called %q serves %s (give this one another --name)", mctr.ErrExists,
			f.name, f.state)
	}
	return lock, err
}

func (f *flags) lockFile() string { return filepath.Join(f.state, "agents", f.name) }

// A service is the running agent.
type service struct {
	*flags
	log        *slog.Logger
	containers *containerizer.Containerizer
	server     *server.Server
}

// open opens the containerizer and takes over what an earlier agent left.
func open(ctx context.Context, f *flags) (*service, error) {
	images, err := f.images()
	if err != nil {
		return nil, err
	}
	helper, err := containerizer.FindProgram("mctr-helper")
	if err != nil {
		return nil, err
	}
	group, err := f.parentGroup()
	if err != nil {
		return nil, err
	}
	networks := f.networks()
	containers, err := containerizer.New(ctx, containerizer.WithCgroupManager(f.cgroupManager),
		containerizer.WithCgroupParent(group), containerizer.WithDirs(f.root, f.state),
		containerizer.WithImages(images), containerizer.WithHelper(helper), containerizer.WithLog(f.log),
		containerizer.WithOwner(f.name), containerizer.WithIsolators(builtin.Table(builtin.Deps{
			Root: f.root, State: f.state, Helper: helper, Networks: networks,
		})))
	if err != nil {
		return nil, err
	}
	a := &service{flags: f, log: slog.New(f.log), containers: containers}
	a.server = server.New(server.Options{
		Local: agent.NewLocal(containers, images, networks, agent.LocalHost{Root: f.root, State: f.state,
			PluginDirs: networks.PluginDirs(), Backend: f.backend, Version: version}),
		Owner: f.name, Recovered: a.recover(ctx), Log: f.log,
		Version: api.VersionInfo{Version: version, GitSHA: buildinfo.Commit()},
	})
	return a, nil
}

// networks are the CNI networks of this root.
func (f *flags) networks() *cni.Networks {
	return cni.New(cni.Config{
		Root: filepath.Join(f.root, "cni"), State: filepath.Join(f.state, "cni"),
		ConfigDirs: f.cniConfigDirs, PluginDirs: f.cniPluginDirs, Timeout: f.cniTimeout, Log: f.log,
	})
}

func (f *flags) images() (*provisioner.Provisioner, error) {
	opts := []provisioner.Option{provisioner.WithBackend(f.backend), provisioner.WithPlainHTTP(f.plainHTTP...)}
	if len(f.hostsDirs) > 0 {
		opts = append(opts, provisioner.WithHostsDirs(f.hostsDirs...))
	}
	return provisioner.New(f.root, opts...)
}

// recover says in the log what there was. What cannot be taken over is no reason
// not to serve the rest.
func (a *service) recover(ctx context.Context) *containerizer.Recovered {
	found, err := a.containers.Recover(ctx)
	if err != nil {
		a.log.Error("recover", "error", err)
	}
	for _, id := range found.Adopted {
		a.log.Info("adopted", "container", id)
	}
	for id, t := range found.Ended {
		a.log.Info("ended meanwhile", "container", id, "reason", t.Reason, "exitCode", t.ExitCode)
	}
	for _, id := range found.Undone {
		a.log.Info("took an unfinished launch back", "container", id)
	}
	return found
}

// run serves until ctx ends, and then frees the agent's name.
func (a *service) run(ctx context.Context, p *endpointKeeper, hangUps <-chan os.Signal) error {
	defer func() { _ = p.lock.Unlock() }() // closing a lock file cannot fail usefully
	group, ctx := errgroup.WithContext(ctx)
	if a.metricsAddress != "" {
		socket, err := net.Listen("tcp", a.metricsAddress)
		if err != nil {
			return errors.Join(fmt.Errorf("--metrics-address: %w", err), closeAll(p.sockets))
		}
		group.Go(func() error { return a.serve(ctx, socket, a.server.Metrics()) })
	}
	p.serve = func(l listener) {
		handler := a.server.Handler()
		if l.token {
			handler = server.Authenticated(a.token.get, handler)
		}
		a.log.Info("serving", "address", l.Addr().String())
		group.Go(func() error { return a.serve(ctx, l, handler) })
	}
	for _, l := range p.sockets {
		p.serve(l)
	}
	group.Go(func() error { return p.run(ctx) })
	group.Go(func() error { return a.server.Watch(ctx) })
	group.Go(func() error { a.notify(ctx); return nil })
	group.Go(func() error { return a.reloadOnSIGHUP(ctx, hangUps) })
	return group.Wait()
}

// http is a server whose requests end with ctx.
func (a *service) http(ctx context.Context, handler http.Handler) *http.Server {
	s := &http.Server{
		Handler: server.BodyTimeout(server.BodyTime, handler), ReadHeaderTimeout: headerTime, IdleTimeout: idleTime,
		MaxHeaderBytes: maxHeader,
		ErrorLog:       slog.NewLogLogger(a.flags.log, slog.LevelDebug),
		BaseContext:    func(net.Listener) context.Context { return ctx },
		ConnContext:    server.WithConnection,
		Protocols:      &http.Protocols{},
	}
	s.Protocols.SetHTTP1(true) // HTTP/2 has no connections to hand over
	return s
}

// serve serves one listener until ctx ends, and then lets answers under way be given.
func (a *service) serve(ctx context.Context, l net.Listener, handler http.Handler) error {
	s := a.http(ctx, handler)
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), graceTime)
	defer cancel()
	if s.Shutdown(grace) != nil {
		_ = s.Close() // who still waits has been told
	}
	return nil
}
