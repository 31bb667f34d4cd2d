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

// answerTimeout bounds the wait for an answer that a running shim gives at once. The margin allows
// for a host that swaps.
const answerTimeout = 10 * time.Second

// A Client is one connection to a shim. Its methods may be called concurrently; each waits until
// the previous call has its answer. After a canceled call the connection is unusable.
type Client struct {
	mu        sync.Mutex
	conn      net.Conn
	process   *process    // the shim, in the process that spawned it; nil elsewhere
	shimHello *wire.Hello // nil for a relayed stream
}

// Dial connects to the shim of the container whose directory is dir. The error wraps
// mctr.ErrUnavailable when no shim listens there.
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
	stop := c.bound(ctx, answerTimeout)
	defer stop()
	c.shimHello = &wire.Hello{}
	err := wire.Write(c.conn, wire.ClientHello())
	if err == nil {
		err = wire.Read(c.conn, c.shimHello)
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return fmt.Errorf("greet the shim: %w", context.Cause(ctx))
	case err != nil:
		return fmt.Errorf("%w: the shim did not answer: %w", mctr.ErrUnavailable, err)
	}
	_, err = c.shimHello.Agreed()
	return err
}

// bound interrupts reads and writes on the connection when ctx ends or limit has passed; a limit of
// 0 means none.
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

// Close closes the connection. If this client spawned the shim, Close also reaps the shim once it
// has exited.
func (c *Client) Close() error {
	err := c.conn.Close()
	if c.process != nil {
		go c.process.reap() // avoids a zombie
	}
	return err
}

// Enter makes the shim join a systemd scope. It must be called before Create.
func (c *Client) Enter(ctx context.Context, scope *wire.Scope) error {
	return c.do(ctx, wire.Request{Verb: wire.VerbEnter, Scope: scope})
}

// Create creates the container; its init then waits for Start. When Create returns, a shim that
// this client spawned is in its cgroup.
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

// Start lets init execute the user's command. After Start the container no longer depends on this
// connection. It returns true if the shim has appended the start event, which older shims do not.
func (c *Client) Start(ctx context.Context) (reported bool, err error) {
	request := wire.Request{Verb: wire.VerbStart}
	if reported = c.shimHello.Knows("start.report"); reported {
		request.Start = &wire.Start{Report: true}
	}
	return reported, c.do(ctx, request)
}

// Signal sends sig to the container's init, or to all of its processes.
func (c *Client) Signal(ctx context.Context, sig unix.Signal, all bool) error {
	return c.do(ctx, wire.Request{Verb: wire.VerbSignal, Signal: &wire.Signal{Signal: int(sig), All: all}})
}

// Ask sends a signal that asks the container to exit. A paused container is resumed after the
// signal so that it can handle it. An older shim does not resume the container by itself, so Ask
// requests that separately.
func (c *Client) Ask(ctx context.Context, sig unix.Signal) error {
	if !c.shimHello.Knows("signal.ends") {
		err := c.Signal(ctx, sig, false)
		if phase, stateErr := c.State(ctx); err == nil && stateErr == nil && phase == mctr.Paused {
			return c.Resume(ctx)
		}
		return err
	}
	return c.do(ctx, wire.Request{Verb: wire.VerbSignal, Signal: &wire.Signal{Signal: int(sig), Ends: true}})
}

// Update changes the container's resource limits.
func (c *Client) Update(ctx context.Context, r *specs.LinuxResources) error {
	return c.do(ctx, wire.Request{Verb: wire.VerbUpdate, Update: r})
}

// Retire sends sig to ask the container to exit, and kills all its processes when grace has passed.
// why becomes the reason of the termination. An older shim knows no grace period and kills at once.
func (c *Client) Retire(ctx context.Context, why mctr.Limitation, sig unix.Signal, grace time.Duration) error {
	if !c.shimHello.Knows("destroy.grace") {
		return c.Destroy(ctx, why)
	}
	return c.do(ctx,
		wire.Request{Verb: wire.VerbDestroy, Destroy: &wire.Destroy{Why: why, Signal: int(sig), Grace: grace}})
}

// Destroy kills all processes of the container. why becomes the reason of the termination.
func (c *Client) Destroy(ctx context.Context, why mctr.Limitation) error {
	return c.do(ctx, wire.Request{Verb: wire.VerbDestroy, Destroy: &wire.Destroy{Why: why}})
}

// Pause freezes the container's processes.
func (c *Client) Pause(ctx context.Context) error {
	return c.do(ctx, wire.Request{Verb: wire.VerbPause})
}

// Resume thaws the container's processes.
func (c *Client) Resume(ctx context.Context) error {
	return c.do(ctx, wire.Request{Verb: wire.VerbResume})
}

// State returns the container's phase as the shim sees it.
func (c *Client) State(ctx context.Context) (mctr.Phase, error) {
	answer, err := c.ask(ctx, wire.Request{Verb: wire.VerbState})
	if err != nil {
		return "", err
	}
	return answer.State, nil
}

// Wait returns when the container has exited and its termination is recorded. With clean, the
// caller promises to release the container's resources, which Clean confirms.
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

// Clean tells the shim that this client releases the container's resources.
func (c *Client) Clean(ctx context.Context) error {
	err := c.do(ctx, wire.Request{Verb: wire.VerbClean})
	if errors.Is(err, io.EOF) {
		return nil // the shim has exited, as Clean intends
	}
	return err
}

// Gone returns when the shim has closed the connection by exiting, or when limit has passed. The
// shim's lock is released at about the same time.
func (c *Client) Gone(ctx context.Context, limit time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	stop := c.bound(ctx, limit)
	defer stop()
	_, _ = c.conn.Read(make([]byte, 1))
}

// do sends a request whose answer carries nothing but an error.
func (c *Client) do(ctx context.Context, request wire.Request) error {
	_, err := c.ask(ctx, request)
	return err
}

func (c *Client) ask(ctx context.Context, request wire.Request) (*wire.Response, error) {
	called := func() string { return describeShim(c.shimHello.Pid) }
	if err := checkCompatible(c.shimHello, called, request); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	stop := c.bound(ctx, verbTimeouts[request.Verb])
	defer stop()
	if err := wire.Write(c.conn, request); err != nil {
		return nil, c.connectionError(ctx, request.Verb, err)
	}
	var answer wire.Response
	if err := wire.Read(c.conn, &answer); err != nil {
		return nil, c.connectionError(ctx, request.Verb, err)
	}
	return &answer, answer.Error.Err()
}

// verbTimeouts bound the verbs that a running shim answers at once. Without them, a shim that is
// stopped or hangs after its hello would keep a client from ending the container. The other verbs
// take as long as their work.
var verbTimeouts = map[string]time.Duration{
	wire.VerbDestroy: answerTimeout, wire.VerbSignal: answerTimeout, wire.VerbClean: answerTimeout,
}

func (c *Client) connectionError(ctx context.Context, verb string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", verb, context.Cause(ctx))
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("%w: %s: the shim did not answer: %w", mctr.ErrUnavailable, verb, err)
	}
	return fmt.Errorf("%w: %s: the shim has exited: %w", mctr.ErrUnavailable, verb, err)
}
