package containerizer

import (
	"context"
	"errors"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/containerizer/supervise"
	"github.com/mctr/mctr/internal/flock"
	"github.com/mctr/mctr/internal/plaintext"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/provisioner"
)

// LaunchOptions are what a launch needs beyond the container's config, and what
// is not stored with it.
type LaunchOptions struct {
	SecretEnv []string             // NAME=VALUE; never on disk
	Progress  provisioner.Progress // of a pull; nil: none is told
	Detach    bool                 // this process does not watch it: the exit command cleans up
	Step      func(mctr.Step)      // is told each step that is done; nil: steps are not told

	// Runs is the caller that stays with the container in the foreground, through the restarts
	// of its policy; nil: none does.
	Runs    *Runs
	restart *supervise.Restart // set if the restart policy starts it

	// Attach connects to the container's streams before its first instruction.
	Attach *wire.Attach
	// ConsoleSize is the terminal's first size.
	ConsoleSize *wire.Size
}

// A launch is one container on its way up.
type launch struct {
	*Containerizer
	record   *store.Record
	pending  bool // the container was recorded before, and waits for this launch
	restarts int  // starts after the first end, with this one
	options  LaunchOptions

	steps      *steps
	lock       *store.Lock
	parentLock *flock.Lock  // shared, of the container it is nested in
	parent     *mctr.Parent // nil for a root
	container  *mctr.Container
	image      *provisioner.Image
	health     *mctr.HealthCheck // the config's, or the image's
	spec       *specs.Spec
	ports      []mctr.Port // of the host, that isolators chose
	watchful   bool        // an isolator has to watch it
	client     *launcher.Client
	created    *wire.Created // the shim's record of init
	stream     *launcher.Stream
}

// stored is the handle of the container's records.
func (l *launch) stored() *store.Container { return l.store.Container(l.record.ID) }

// Launch runs a container and returns when its command was started, with the
// stream that options.Attach asked for or nil. An error leaves nothing behind;
// it wraps mctr.ErrExists for an id or name in use, and a *mctr.PhaseError says
// where it came from. ctx ends the launch, not the launched container.
func (c *Containerizer) Launch(ctx context.Context, id mctr.ContainerID, config *mctr.ContainerConfig,
	o LaunchOptions) (*launcher.Stream, error) {
	steps := beginSteps(o.Step)
	r, err := c.newRecord(ctx, id, config)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(plaintext.Check(o.SecretEnv), c.Check(ctx, r.Config),
		c.updater.CheckGroup(ctx, r)); err != nil {
		return nil, err
	}
	l := &launch{Containerizer: c, record: r, options: o, steps: steps}
	if err := l.inParent(ctx); err != nil {
		return nil, err
	}
	defer l.leaveParent()
	if l.lock, err = reserve(ctx, c.releaser, r); err != nil {
		return nil, err
	}
	return l.run(ctx)
}

// keepWatch follows a launched container to its exit and releases what it held,
// unless it was launched to be left alone.
func (l *launch) keepWatch() {
	if l.options.Detach {
		_ = l.client.Close()
		return
	}
	l.supervise.Supervise(l.record, l.client,
		supervise.Options{SecretEnv: l.options.SecretEnv, Runs: l.options.Runs})
}

// run takes a reserved container up, hop by hop (docs/ARCHITECTURE.md).
func (l *launch) run(ctx context.Context) (stream *launcher.Stream, err error) {
	defer l.lock.Unlock() // closing a lock file cannot fail usefully
	ctx, done := l.launches.begin(ctx, l.record.ID)
	defer done()
	l.steps.reach(mctr.Timing{Checkpoint: store.Intent, At: time.Now()})
	for _, hop := range []func(context.Context) error{
		l.provision, // image to root filesystem
		l.prepare,   // isolators acquire and declare
		l.bundle,    // config.json beside the root filesystem
		l.create,    // shim, and the blocked init
		l.isolate,   // isolators that need the process
		l.start,     // the user's command
	} {
		if err := hop(ctx); err != nil {
			return nil, errors.Join(l.withParentsEnd(err), l.undo(context.WithoutCancel(ctx)))
		}
	}
	l.keepWatch()
	return l.stream, nil
}

// undo takes back all of a launch that failed, also when its context has ended.
func (l *launch) undo(ctx context.Context) error {
	if l.stream != nil {
		_ = l.stream.Close()
	}
	if l.client != nil {
		_ = l.client.Close() // the lease: the shim destroys what it made
	}
	return l.releaser.UndoLaunch(ctx, l.record.ID)
}

// failed names where a hop failed.
func (l *launch) failed(phase mctr.Phase, part, op string, err error) error {
	if err == nil {
		return nil
	}
	return &mctr.PhaseError{ID: l.record.ID, Phase: phase, Isolator: part, Op: op, Err: err}
}

// reach is the journal's, and tells the steps.
func (l *launch) reach(checkpoint string, passed ...mctr.Timing) error {
	l.steps.reach(append(passed, mctr.Timing{Checkpoint: checkpoint, At: time.Now()})...)
	return l.failed(store.PhaseOf(checkpoint), "containerizer", "checkpoint",
		l.stored().Journal().Reach(checkpoint, passed...))
}

// isolate calls the isolators that need the process. Few do anything here, and only those
// are written down.
func (l *launch) isolate(ctx context.Context) error {
	last := time.Now()
	passed := []mctr.Timing{{Checkpoint: store.Created, At: last}}
	for _, i := range l.isolators {
		if err := i.Isolate(ctx, l.container.Handle, l.created.Pid); err != nil {
			return l.failed(mctr.Isolating, i.Name(), "isolate", err)
		}
		now := time.Now()
		if now.Sub(last) >= time.Millisecond {
			passed = append(passed, mctr.Timing{Checkpoint: "isolate/" + i.Name(), At: now})
		}
		last = now
	}
	return l.reach(store.Isolated, passed...)
}

func names(table []isolators.Isolator) []string {
	names := make([]string, len(table))
	for i, isolator := range table {
		names[i] = isolator.Name()
	}
	return names
}

func (l *launch) start(ctx context.Context) error {
	if err := l.stillInParent(); err != nil {
		return l.failed(mctr.Isolating, "containerizer", "start", err)
	}
	if err := l.stored().BeginRun(ctx, l.created.ShimPid, names(l.isolators)); err != nil {
		return l.failed(mctr.Isolating, "containerizer", "record the run", err)
	}
	if err := l.client.Start(ctx); err != nil {
		return l.failed(mctr.Isolating, "shim", "start", err)
	}
	if err := l.reach(store.Running); err != nil {
		return err
	}
	l.store.Emit(l.record, mctr.EventStart, nil)
	if !l.pending {
		return nil
	}
	return l.stored().Settle(ctx)
}
