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
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/internal/buildinfo"
	"github.com/mctr/mctr/internal/dirs"
	"github.com/mctr/mctr/internal/flock"
)

// Limits on idle clients, and on requests.
const (
	headerTime = 10 * time.Second
	idleTime   = 2 * time.Minute
	maxHeader  = 64 << 10        // bytes
	graceTime  = 5 * time.Second // for answers in progress when the agent stops
)

// serve runs the agent. It takes over the containers of earlier agents, serves until ctx ends, and
// leaves its containers running for the next agent.
func serve(ctx context.Context, f *flags) error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("%w: mctr-agent must be run by root", mctr.ErrUnsupported)
	}
	hangUps := make(chan os.Signal, 1)
	signal.Notify(hangUps, unix.SIGHUP) // from here on, a closed terminal or a reload does not stop the agent
	defer signal.Stop(hangUps)
	lock, err := lockName(ctx, f)
	if err != nil {
		return err
	}
	listeners, err := f.listeners()
	if err != nil {
		lock.Unlock()
		return err
	}
	a, err := open(ctx, f)
	if err != nil {
		lock.Unlock()
		return errors.Join(err, closeAll(listeners))
	}
	defer a.containers.Close()
	return a.run(ctx, &endpointKeeper{service: a, lock: lock, sockets: listeners}, hangUps)
}

// lockName prevents a second agent with the same name. Two agents would take each other's containers
// for orphans.
func lockName(ctx context.Context, f *flags) (*flock.Lock, error) {
	if err := dirs.MakeAll(f.host.State, 0o711); err != nil {
		return nil, fmt.Errorf("--state: %w", err)
	}
	if err := os.Mkdir(filepath.Dir(f.lockFile()), 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	lock, err := flock.AfterDead(ctx, f.lockFile())
	if errors.Is(err, flock.ErrHeld) {
		return nil, fmt.Errorf("%w: an agent called %q serves %s (start this agent with another --name)",
			mctr.ErrExists, f.name, f.host.State)
	}
	return lock, err
}

func (f *flags) lockFile() string { return filepath.Join(f.host.State, "agents", f.name) }

// A service is the running agent.
type service struct {
	*flags
	log        *slog.Logger
	containers *containerizer.Containerizer
	server     *server.Server
}

// open opens the containerizer and takes over the containers of earlier agents.
func open(ctx context.Context, f *flags) (*service, error) {
	images, err := f.host.Images()
	if err != nil {
		return nil, err
	}
	group, err := f.parentGroup()
	if err != nil {
		return nil, err
	}
	f.host.Owner, f.host.CgroupParent = f.name, &group
	containers, err := f.host.Containers(ctx)
	if err != nil {
		return nil, err
	}
	networks := f.host.Networks()
	a := &service{flags: f, log: slog.New(f.host.Log), containers: containers}
	a.server = server.New(server.Options{
		Local: agent.NewLocal(containers, images, networks, f.host.Volumes(), agent.LocalHost{Root: f.host.Root,
			State: f.host.State, PluginDirs: networks.PluginDirs(), Backend: f.host.Backend, Version: version}),
		Owner: f.name, Recovered: a.recover(ctx), Log: f.host.Log,
		Version: api.VersionInfo{Version: version, GitSHA: buildinfo.Commit()},
	})
	return a, nil
}

// recover takes over existing containers and logs what it found. The agent serves the other containers
// even if it cannot take over some of them.
func (a *service) recover(ctx context.Context) *containerizer.Recovered {
	found, err := a.containers.Recover(ctx)
	if err != nil {
		a.log.Error("recover", "error", err)
	}
	for _, id := range found.Adopted {
		a.log.Info("adopted", "container", id)
	}
	for id, t := range found.Ended {
		a.log.Info("exited meanwhile", "container", id, "reason", t.Reason, "exitCode", t.ExitCode)
	}
	for _, id := range found.Undone {
		a.log.Info("undid an unfinished launch", "container", id)
	}
	return found
}

// run serves until ctx ends, and then releases the lock of the agent's name.
func (a *service) run(ctx context.Context, p *endpointKeeper, hangUps <-chan os.Signal) error {
	defer func() { p.lock.Unlock() }()
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

// serve serves one listener until ctx ends. Then it waits a short time for answers in progress.
func (a *service) serve(ctx context.Context, l net.Listener, handler http.Handler) error {
	s := &http.Server{
		Handler: server.BodyTimeout(server.BodyTime, handler), ReadHeaderTimeout: headerTime, IdleTimeout: idleTime,
		MaxHeaderBytes: maxHeader,
		ErrorLog:       slog.NewLogLogger(a.host.Log, slog.LevelDebug),
		BaseContext:    func(net.Listener) context.Context { return ctx },
		ConnContext:    server.WithConnection,
		Protocols:      &http.Protocols{},
	}
	s.Protocols.SetHTTP1(true) // HTTP/2 connections cannot be upgraded
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
		_ = s.Close() // the remaining requests have ended with ctx
	}
	return nil
}
