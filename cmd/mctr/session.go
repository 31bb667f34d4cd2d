package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// sessionOptions are how a session is led.
type sessionOptions struct {
	tty        bool // the container has a terminal
	detach     bool // no session: it is launched and left to itself
	quiet      bool // no progress of the pull
	sigProxy   bool // signals are the container's
	watching   bool // of a container that is not this command's own
	detachKeys string
}

// A session is a foreground run: this terminal, or these pipes, and one container.
type session struct {
	containers agent.Containers
	id         mctr.ContainerID
	flags      *sessionOptions
	config     *mctr.ContainerConfig
	terminal   *terminal // nil without -t
	detachKeys []byte    // end the session when they are typed; none: nothing does
	signals    chan os.Signal
	launched   atomic.Bool
	current    atomic.Pointer[launcher.Stream] // the container's, of its present run
	asked      atomic.Int32                    // how often an end was asked for
	over       chan struct{}                   // closed when it was
	detached   chan struct{}
	left       chan unix.Signal // it ends this client and not the container
	stdinEnded atomic.Bool
	once       sync.Once
	runs       *containerizer.Runs // nil: the session ends with the container's first exit
}

func newSession(c agent.Containers, id mctr.ContainerID, o *sessionOptions, config *mctr.ContainerConfig) *session {
	s := &session{containers: c, id: id, flags: o, config: config, signals: make(chan os.Signal, 64),
		detached: make(chan struct{}), over: make(chan struct{}), left: make(chan unix.Signal, 1)}
	if o.tty && !o.detach {
		s.terminal = openTerminal()
		s.detachKeys, _ = parseDetachKeys(o.detachKeys) // checked by run
	}
	return s
}

func (s *session) restore() { s.terminal.restore() }

// pulling is ctx that ends at a signal that asks for an end, until the
// container is launched: then signals are the container's or, without
// --sig-proxy, end this client alone.
func (s *session) pulling(ctx context.Context) context.Context {
	if s.flags.sigProxy && !s.flags.detach {
		listen(s.signals) // before the launch, so that none is lost
	}
	ctx, cancel := context.WithCancelCause(ctx)
	early := make(chan os.Signal, 1)
	listen(early, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT)
	go func() {
		requests := 0
		for sig := range early {
			if !s.launched.Load() {
				cancel(fmt.Errorf("%w by %v", context.Canceled, sig))
				requests++
				exitIfInsisted(requests, sig)
			} else if !s.flags.sigProxy {
				s.left <- sig.(unix.Signal)
				return
			}
		}
	}()
	return ctx
}

func (s *session) options() containerizer.LaunchOptions {
	s.followRestarts()
	o := containerizer.LaunchOptions{Detach: s.flags.detach, Runs: s.runs}
	if !s.flags.quiet {
		o.Progress = newProgress(os.Stderr)
	}
	if !s.flags.detach {
		o.Attach = s.attachment()
	}
	if size, ok := s.terminal.size(); ok {
		o.ConsoleSize = &size
	}
	return o
}

// attachment is how the session is attached to a run.
func (s *session) attachment() *wire.Attach {
	return &wire.Attach{Stdin: s.config.Process.Stdin, Output: true, Primary: true}
}

// follow carries the streams until the container has ended for good and is cleaned
// up, and gives the exit code of its last run.
func (s *session) follow(ctx context.Context, stream *launcher.Stream) error {
	s.launched.Store(true)
	if err := s.terminal.raw(); err != nil {
		_ = stream.Close()
		return err
	}
	s.current.Store(stream)
	go s.forward(ctx)
	if s.config.Process.Stdin {
		go s.copyStdin()
	}
	for {
		t, err := s.carry(ctx)
		if err != nil || t == nil {
			return err
		}
		next := s.nextRun(ctx)
		if next == nil {
			s.terminal.restore()
			if s.config.Remove {
				return confirmRemoved(ctx, s.containers, s.id, s.result(t))
			}
			return s.result(t)
		}
		s.current.Store(next)
		if s.stdinEnded.Load() {
			_ = next.CloseStdin()
		}
	}
}

// carry carries the streams of one run to its end. Without an end and an error
// this command has left the container to itself.
func (s *session) carry(ctx context.Context) (*mctr.Termination, error) {
	stream := s.current.Load()
	defer stream.Close()
	ended := make(chan error, 1)
	var t *mctr.Termination
	go func() {
		var err error
		t, err = stream.Copy(ctx, os.Stdout, os.Stderr, gap)
		ended <- err
	}()
	select {
	case <-s.detached:
		s.terminal.restore()
		fmt.Fprintf(stderr, "mctr: detached from %s\n", s.id.Short())
		return nil, nil
	case sig := <-s.left:
		s.terminal.restore()
		return nil, exitStatus{code: 128 + int(sig)}
	case err := <-ended:
		if err != nil && !errors.Is(err, mctr.ErrUnavailable) {
			s.terminal.restore()
			return nil, s.unread(ctx, err)
		}
		return s.finish(ctx, t, err)
	}
}

// unread ends a container whose output cannot be written any more, as a pipeline
// ends its writers: "mctr run ... | head", or a full disk. One that this command
// only watches goes on.
func (s *session) unread(ctx context.Context, unwritten error) (err error) {
	if !s.flags.watching {
		_, err = s.containers.Destroy(ctx, s.id)
	}
	if errors.Is(err, mctr.ErrNotFound) {
		err = nil // it removed itself
	}
	if errors.Is(unwritten, unix.EPIPE) {
		return exitStatus{code: 128 + int(unix.SIGPIPE), err: err}
	}
	return errors.Join(unwritten, err)
}

// finish waits for the release.
func (s *session) finish(ctx context.Context, t *mctr.Termination, streamErr error) (*mctr.Termination, error) {
	final, err := s.containers.Wait(ctx, s.id)
	if err != nil && !errors.Is(err, mctr.ErrNotFound) {
		return nil, err
	}
	if final != nil && (t == nil || final.Reason != mctr.ReasonShimLost) {
		t = final // what this command saw itself counts where nothing could be recorded
	}
	if t == nil {
		return nil, errors.Join(
			fmt.Errorf("%w: container %s is gone, and nobody recorded how it ended", mctr.ErrUnavailable, s.id.Short()),
			streamErr)
	}
	return t, nil
}

// result says on stderr what an exit code does not.
func (s *session) result(t *mctr.Termination) error {
	if t.Reason != mctr.ReasonExited && t.Reason != mctr.ReasonSignaled {
		fmt.Fprintf(stderr, "mctr: container %s: %s: %s\n", s.id.Short(), t.Reason, inFlags(t.Message))
	}
	if t.Log.Dropped > 0 {
		fmt.Fprintf(stderr, "mctr: %d bytes of the log could not be written\n", t.Log.Dropped)
	}
	if !t.Failed() {
		return nil
	}
	return failure(t)
}

// failure is the exit status of a container that failed: its code, and 1 where it was
// ended and called that a success.
func failure(t *mctr.Termination) error { return exitStatus{code: cmp.Or(t.ExitCode, 1)} }

// forward passes signals on. After a second request to end, a third kills.
func (s *session) forward(ctx context.Context) {
	if s.terminal != nil && !s.flags.sigProxy {
		listen(s.signals, unix.SIGWINCH)
	}
	for sig := range s.signals {
		number, ok := sig.(unix.Signal)
		if !ok {
			continue
		}
		switch number {
		case unix.SIGCHLD, unix.SIGURG, unix.SIGPIPE:
		case unix.SIGWINCH:
			if size, ok := s.terminal.size(); ok {
				_ = s.current.Load().Resize(size)
			}
		default:
			s.pass(ctx, number)
		}
	}
}

func (s *session) pass(ctx context.Context, number unix.Signal) {
	if number == unix.SIGINT || number == unix.SIGTERM {
		switch n := s.asked.Add(1); {
		case n == 1:
			close(s.over)
		case n > 2:
			number = unix.SIGKILL
		}
	}
	if err := s.containers.Kill(ctx, s.id, number); err != nil && !errors.Is(err, mctr.ErrState) &&
		!errors.Is(err, mctr.ErrNotFound) {
		complain(fmt.Errorf("forward signal %d: %w", number, err))
	}
}

func (s *session) copyStdin() {
	in := io.Reader(os.Stdin)
	if s.terminal != nil {
		in = &detachReader{r: os.Stdin, keys: s.detachKeys, detach: func() { s.once.Do(func() { close(s.detached) }) }}
	}
	if _, err := io.Copy(stdinOf{s}, in); err == nil {
		s.stdinEnded.Store(true)
		_ = s.current.Load().CloseStdin()
	}
}

// stdinOf writes to the present run of a session's container. What is typed
// between two runs is for nobody.
type stdinOf struct{ s *session }

func (w stdinOf) Write(p []byte) (int, error) {
	n, err := w.s.current.Load().Write(p)
	if err != nil && !w.s.config.Restart.Never() {
		return len(p), nil
	}
	return n, err
}

// gap says that output is missing: this command was too slow for too long.
func gap(bytes uint64) {
	fmt.Fprintf(stderr, "mctr: %d bytes of output are left out here; mctr logs has them\n", bytes)
}
