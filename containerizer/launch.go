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

// LaunchOptions are the parts of a launch that are not in the container's config and are not
// stored with it.
type LaunchOptions struct {
	SecretEnv []string             // NAME=VALUE; never on disk
	Progress  provisioner.Progress // of a pull; may be nil
	Detach    bool                 // this process does not watch the container: the exit command cleans up
	Step      func(mctr.Step)      // is called after each step; may be nil

	// Runs is the caller that stays with the container in the foreground, through its restarts;
	// nil if there is none.
	Runs    *Runs
	restart *supervise.Restart // set if the restart policy starts the container

	// Attach connects to the container's streams before its first instruction.
	Attach *wire.Attach
	// ConsoleSize is the initial size of the terminal.
	ConsoleSize *wire.Size
}

// A launch is one container that is being launched.
type launch struct {
	*Containerizer
	record   *store.Record
	pending  bool // the container was created or has exited before this launch
	restarts int  // starts after the first exit, including this one
	options  LaunchOptions
	dryRun   bool // the launch ends before anything is created that clean-up leaves

	steps      *steps
	lock       *store.Lock
	parentLock *flock.Lock  // shared lock of the parent container
	parent     *mctr.Parent // nil for a root
	container  *mctr.Container
	image      *provisioner.Image
	health     *mctr.HealthCheck // the config's, or the image's
	spec       *specs.Spec
	ports      []mctr.Port // host ports that isolators chose
	secretEnv  []string    // NAME=VALUE, from isolators
	watchful   bool        // an isolator must watch the container
	client     *launcher.Client
	created    *wire.Created // the shim's record of init
	stream     *launcher.Stream
}

// stored returns the container's handle in the store.
func (l *launch) stored() *store.Container { return l.store.Container(l.record.ID) }

// Launch runs a container. It returns once the command was started, with the stream that
// options.Attach asked for or nil. After an error nothing is left behind. The error wraps
// mctr.ErrExists for an id or name in use, and a *mctr.PhaseError names the step that failed.
// ctx cancels the launch; it has no effect on the running container.
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
	if l.lock, err = c.reserveNew(ctx, r, config); err != nil {
		return nil, err
	}
	return l.run(ctx)
}

// keepWatch watches a launched container until it exits and releases what it held, unless the
// launch was detached.
func (l *launch) keepWatch() {
	if l.options.Detach {
		_ = l.client.Close()
		return
	}
	l.supervise.Supervise(l.record, l.client,
		supervise.Options{SecretEnv: l.options.SecretEnv, Runs: l.options.Runs})
}

// run takes a reserved container through the steps of a launch (docs/ARCHITECTURE.md).
func (l *launch) run(ctx context.Context) (stream *launcher.Stream, err error) {
	defer l.lock.Unlock()
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

// undo undoes a launch that failed, also after its context has ended.
func (l *launch) undo(ctx context.Context) error {
	if l.stream != nil {
		_ = l.stream.Close()
	}
	if l.client != nil {
		_ = l.client.Close() // the connection is a lease: the shim destroys what it made
	}
	return l.releaser.UndoLaunch(ctx, l.record.ID)
}

// failed returns an error that names the step that failed.
func (l *launch) failed(phase mctr.Phase, part, op string, err error) error {
	if err == nil {
		return nil
	}
	return &mctr.PhaseError{ID: l.record.ID, Phase: phase, Isolator: part, Op: op, Err: err}
}

// reach records a checkpoint in the journal and reports the step to the caller.
func (l *launch) reach(checkpoint string, passed ...mctr.Timing) error {
	l.steps.reach(append(passed, mctr.Timing{Checkpoint: checkpoint, At: time.Now()})...)
	return l.failed(store.PhaseOf(checkpoint), "containerizer", "checkpoint",
		l.stored().Journal().Reach(checkpoint, passed...))
}

// isolate calls Isolate of each isolator. Few do anything, and only those that took long are
// recorded.
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
	reported, err := l.client.Start(ctx)
	if err != nil {
		return l.failed(mctr.Isolating, "shim", "start", err)
	}
	if err := l.reach(store.Running); err != nil {
		return err
	}
	if !reported {
		l.store.Emit(l.record, mctr.EventStart, nil)
	}
	if !l.pending {
		return nil
	}
	return l.stored().Settle(ctx)
}
