// Package supervise is the work of the process that looks after running containers: it
// has the isolators watch them, probes their health and readiness, waits for their exit,
// has them released, and follows their restart policies.
//
// On disk it writes the results of probes (STATE) and, in a container's state, that a
// restart is pending and why one failed. In the kernel it holds a lock on the directory of
// each container whose restart it is about to make. The records survive the process; a
// pending restart whose process died is found by [Supervisor.RestartOrphaned].
package supervise

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/shims"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/isolators"
)

// Verbs are what a Supervisor has the containerizer do with a container.
type Verbs struct {
	// Cleanup releases a container that has exited.
	Cleanup func(ctx context.Context, id mctr.ContainerID) error
	// Start starts a container that has exited, as its restart policy asks.
	Start func(ctx context.Context, id mctr.ContainerID, r Restart) error
	// Exec runs a probe's command in a container. The command ends with its stream.
	Exec func(ctx context.Context, id mctr.ContainerID, argv []string) (*launcher.Stream, error)
	// Kill ends a container that broke a limit.
	Kill func(ctx context.Context, id mctr.ContainerID, why mctr.Limitation) error
}

// A Clock is what a Supervisor waits by.
type Clock interface {
	// After returns a channel that gets a value once d has passed.
	After(d time.Duration) <-chan time.Time
}

// SystemClock is the clock of the operating system.
type SystemClock struct{}

// After is time.After.
func (SystemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// Config is what a Supervisor needs.
type Config struct {
	Store     *store.Store
	Shims     *shims.Shims
	Isolators []isolators.Isolator
	Verbs     Verbs
	Owner     string // the containers of other owners are not this process' to restart
	Log       *slog.Logger
	Clock     Clock
}

// A Supervisor looks after the containers of one process. Its methods may be called
// concurrently.
type Supervisor struct {
	Config
	ctx      context.Context // ends with Close
	close    context.CancelFunc
	watchers sync.WaitGroup

	mu      sync.Mutex
	watched map[mctr.ContainerID]chan struct{} // each closed when the container was released here
}

// New returns a Supervisor that works until [Supervisor.Close]; the end of ctx does not end it.
func New(ctx context.Context, c Config) *Supervisor {
	s := &Supervisor{Config: c, watched: map[mctr.ContainerID]chan struct{}{}}
	s.ctx, s.close = context.WithCancel(context.WithoutCancel(ctx))
	return s
}

// Close ends the supervision by this process, and waits until that is done. The containers
// go on: their shims run their exit commands in its place. It is idempotent.
func (s *Supervisor) Close() {
	s.close()
	s.watchers.Wait()
}

// Go runs work that ends when its context does, which Close sees to.
func (s *Supervisor) Go(work func(ctx context.Context)) { s.watchers.Go(func() { work(s.ctx) }) }

// Options say how a container is supervised.
type Options struct {
	SecretEnv []string // for the runs that follow; in memory only
	Runs      *Runs    // the caller in the foreground that the streams of those runs go to; nil: none
}

// Supervise watches a running container to its exit, has it released, and goes on with its
// restart policy. The client is the Supervisor's afterwards.
func (s *Supervisor) Supervise(r *store.Record, client *launcher.Client, o Options) {
	ctx, cancel := context.WithCancel(s.ctx)
	s.observe(ctx, r)
	released := make(chan struct{})
	s.mu.Lock()
	s.watched[r.ID] = released
	s.mu.Unlock()
	s.watchers.Go(func() {
		s.awaitExit(s.ctx, r.ID, client)
		cancel()
		s.mu.Lock()
		delete(s.watched, r.ID)
		close(released)
		s.mu.Unlock()
		s.follow(s.ctx, r.ID, o)
	})
}

// Watch probes a container, and has the isolators watch it, until it exits, and does no
// more than that: another process releases it.
func (s *Supervisor) Watch(ctx context.Context, id mctr.ContainerID) error {
	r, err := s.Store.Container(id).Record()
	if err != nil {
		return err
	}
	client, err := s.Shims.Dial(ctx, id)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.observe(ctx, r)
	_, err = client.Wait(ctx, false)
	return err
}

// AwaitRelease waits until a container that this process supervises was released. It
// returns at once for any other.
func (s *Supervisor) AwaitRelease(ctx context.Context, id mctr.ContainerID) error {
	s.mu.Lock()
	released := s.watched[id]
	s.mu.Unlock()
	if released == nil {
		return nil
	}
	select {
	case <-released:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the release of container %s: %w", id, context.Cause(ctx))
	}
}

// observe begins to probe a container, and has the isolators watch it.
func (s *Supervisor) observe(ctx context.Context, r *store.Record) {
	handle := s.Store.Container(r.ID).Handle()
	for _, i := range s.Isolators {
		if err := i.Watch(ctx, handle, func(l mctr.Limitation) { s.endByLimit(r.ID, l) }); err != nil {
			s.Log.Error("watch", "container", r.ID, "isolator", i.Name(), "error", err)
		}
	}
	s.probe(ctx, r)
}

// endByLimit ends a container that broke an isolator's limit, which is its reason.
func (s *Supervisor) endByLimit(id mctr.ContainerID, l mctr.Limitation) {
	s.Log.Warn("limitation", "container", id, "reason", l.Reason, "message", l.Message)
	if err := s.Verbs.Kill(s.ctx, id, l); err != nil {
		s.Log.Error("destroy after a limitation", "container", id, "error", err)
	}
}

// awaitExit waits for the container's exit and has it released. A shim that is gone
// without a record of the exit is destroyed by its control group.
func (s *Supervisor) awaitExit(ctx context.Context, id mctr.ContainerID, client *launcher.Client) {
	defer client.Close()
	_, err := client.Wait(ctx, true)
	if ctx.Err() != nil {
		return // this process leaves; the container does not
	}
	if err == nil {
		// unavailable: another process took over
		if err := client.Clean(ctx); err != nil && !errors.Is(err, mctr.ErrUnavailable) {
			s.Log.Error("take over", "container", id, "error", err)
		}
		client.Gone(ctx, shims.KillTime/2) // the shim is about to leave; Cleanup ends one that does not
	}
	if err := s.Verbs.Cleanup(ctx, id); err != nil {
		s.Log.Error("release", "container", id, "error", err)
	}
}
