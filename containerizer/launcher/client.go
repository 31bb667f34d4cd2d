package launcher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// answerTime bounds a hello. A living shim answers at once; the margin is for a
// host that swaps.
const answerTime = 10 * time.Second

// A Client is one connection to a shim. Its methods may be called concurrently:
// they take turns. After a canceled call the connection is unusable.
type Client struct {
	mu      sync.Mutex
	conn    net.Conn
	process *process    // the shim, for the process that spawned it
	theirs  *wire.Hello // of a stream that is relayed: nil
}

// Dial connects to the shim of the container whose directory is dir. The error
// wraps mctr.ErrUnavailable when no shim listens there.
func Dial(ctx context.Context, dir string) (*Client, error) {
	conn, err := wire.Dial(dir)
	if err != nil {
		return nil, fmt.Errorf("%w: connect to the shim: %w", mctr.ErrUnavailable, err)
	}
	c := &Client{conn: conn}
	if err := c.hello(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return c, nil
}

func (c *Client) hello(ctx context.Context) error {
	stop := c.bound(ctx, answerTime)
	defer stop()
	c.theirs = &wire.Hello{}
	err := wire.Write(c.conn, wire.ClientHello())
	if err == nil {
		err = wire.Read(c.conn, c.theirs)
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return fmt.Errorf("greet the shim: %w", context.Cause(ctx))
	case err != nil:
		return fmt.Errorf("%w: the shim did not answer: %w", mctr.ErrUnavailable, err)
	}
	_, err = c.theirs.Agreed()
	return err
}

// bound ends reads and writes of the connection when ctx ends or after limit; 0 is no limit.
func (c *Client) bound(ctx context.Context, limit time.Duration) (stop func()) {
	if limit > 0 {
		_ = c.conn.SetDeadline(time.Now().Add(limit))
	}
	cancel := context.AfterFunc(ctx, func() { _ = c.conn.SetDeadline(time.Unix(1, 0)) })
	return func() {
		if cancel() {
			_ = c.conn.SetDeadline(time.Time{})
		}
	}
}

// Close ends the connection. It reaps a shim that this client spawned and that has ended.
func (c *Client) Close() error {
	err := c.conn.Close()
	if c.process != nil {
		go c.process.reap() // only so that no zombie stays
	}
	return err
}

// Enter has the shim go where systemd is to have it, before Create.
func (c *Client) Enter(ctx context.Context, scope *wire.Scope) error {
	return c.do(ctx, wire.Request{Verb: wire.VerbEnter, Scope: scope})
}

// Create makes the container up to its blocked init. The shim that this client
// spawned is in its cgroup then.
func (c *Client) Create(ctx context.Context, create *wire.Create) (*wire.Created, error) {
	answer, err := c.ask(ctx, wire.Request{Verb: wire.VerbCreate, Create: create})
	if err != nil {
		return nil, err
	}
	if answer.Created == nil {
		return nil, wire.Unexpected("answer to create")
	}
	if c.process != nil {
		if err := <-c.process.moved; err != nil {
			return nil, err
		}
	}
	return answer.Created, nil
}

// Start lets the user's command run. The connection is no lease after it.
func (c *Client) Start(ctx context.Context) error {
	return c.do(ctx, wire.Request{Verb: wire.VerbStart})
}

// Signal sends sig to the container's init, or to all of its processes.
func (c *Client) Signal(ctx context.Context, sig unix.Signal, all bool) error {
	return c.do(ctx, wire.Request{Verb: wire.VerbSignal, Signal: &wire.Signal{Signal: int(sig), All: all}})
}

// Ask sends a signal that asks the container to end. One that is paused goes on behind
// the signal, to hear it: an older shim is told so.
func (c *Client) Ask(ctx context.Context, sig unix.Signal) error {
	if !c.theirs.Knows("signal.ends") {
		err := c.Signal(ctx, sig, false)
		if phase, stateErr := c.State(ctx); err == nil && stateErr == nil && phase == mctr.Paused {
			return c.Resume(ctx)
		}
		return err
	}
	return c.do(ctx, wire.Request{Verb: wire.VerbSignal, Signal: &wire.Signal{Signal: int(sig), Ends: true}})
}

// Update changes the limits.
func (c *Client) Update(ctx context.Context, r *specs.LinuxResources) error {
	return c.do(ctx, wire.Request{Verb: wire.VerbUpdate, Update: r})
}

// Retire asks the container to end, by sig, and kills everything in it after grace.
// why becomes the reason of its end. An older shim, which has no grace, kills at once.
func (c *Client) Retire(ctx context.Context, why mctr.Limitation, sig unix.Signal, grace time.Duration) error {
	if !c.theirs.Knows("destroy.grace") {
		return c.Destroy(ctx, why)
	}
	return c.do(ctx,
		wire.Request{Verb: wire.VerbDestroy, Destroy: &wire.Destroy{Why: why, Signal: int(sig), Grace: grace}})
}

// Destroy kills everything in the container. why becomes the reason of its end.
func (c *Client) Destroy(ctx context.Context, why mctr.Limitation) error {
	return c.do(ctx, wire.Request{Verb: wire.VerbDestroy, Destroy: &wire.Destroy{Why: why}})
}

// Pause freezes the container's processes.
func (c *Client) Pause(ctx context.Context) error {
	return c.do(ctx, wire.Request{Verb: wire.VerbPause})
}

// Resume lets them go on.
func (c *Client) Resume(ctx context.Context) error {
	return c.do(ctx, wire.Request{Verb: wire.VerbResume})
}

// State is the container's phase as the shim sees it.
func (c *Client) State(ctx context.Context) (mctr.Phase, error) {
	answer, err := c.ask(ctx, wire.Request{Verb: wire.VerbState})
	if err != nil {
		return "", err
	}
	return answer.State, nil
}

// Wait returns when the container has ended and its end is recorded. With clean,
// the caller promises to release its resources and says so by Clean.
func (c *Client) Wait(ctx context.Context, clean bool) (*mctr.Termination, error) {
	answer, err := c.ask(ctx, wire.Request{Verb: wire.VerbWait, Wait: &wire.Wait{Clean: clean}})
	if err != nil {
		return nil, err
	}
	if answer.Exit == nil {
		return nil, wire.Unexpected("answer to wait")
	}
	return answer.Exit, nil
}

// Clean takes over the release of the container's resources.
func (c *Client) Clean(ctx context.Context) error {
	err := c.do(ctx, wire.Request{Verb: wire.VerbClean})
	if errors.Is(err, io.EOF) {
		return nil // it ended, which is all that was asked for
	}
	return err
}

// Gone returns when the shim has closed the connection, which it does by ending,
// or after limit. Its lock is free in the same moment, give or take.
func (c *Client) Gone(ctx context.Context, limit time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	stop := c.bound(ctx, limit)
	defer stop()
	_, _ = c.conn.Read(make([]byte, 1))
}

// do asks for what has no answer but an error.
func (c *Client) do(ctx context.Context, request wire.Request) error {
	_, err := c.ask(ctx, request)
	return err
}

func (c *Client) ask(ctx context.Context, request wire.Request) (*wire.Response, error) {
	if err := checkCompatible(c.theirs, func() string { return describeShim(c.theirs.Pid) }, request); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	stop := c.bound(ctx, limits[request.Verb])
	defer stop()
	if err := wire.Write(c.conn, request); err != nil {
		return nil, c.lost(ctx, request.Verb, err)
	}
	var answer wire.Response
	if err := wire.Read(c.conn, &answer); err != nil {
		return nil, c.lost(ctx, request.Verb, err)
	}
	return &answer, answer.Error.Err()
}

// limits bound the verbs that a living shim answers at once: one that was stopped, or that
// hangs, behind its hello keeps no client from ending its container. The others take as long
// as what they do.
var limits = map[string]time.Duration{
	wire.VerbDestroy: answerTime, wire.VerbSignal: answerTime, wire.VerbClean: answerTime,
}

func (c *Client) lost(ctx context.Context, verb string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", verb, context.Cause(ctx))
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("%w: %s: the shim did not answer: %w", mctr.ErrUnavailable, verb, err)
	}
	return fmt.Errorf("%w: %s: the shim is gone: %w", mctr.ErrUnavailable, verb, err)
}
