// Package session is the foreground of a command: the terminal or the pipes that it shares with a
// container, the signals that it passes on, the restarts that it follows, the questions that it
// asks, and the files that it reads and writes.
package session

import (
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
	"github.com/mctr/mctr/cmd/mctr/internal/exit"
	"github.com/mctr/mctr/cmd/mctr/internal/flags"
	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// Options are how a session is led.
type Options struct {
	TTY        bool // the container has a terminal
	Detach     bool // no session: it is launched and left to itself
	Quiet      bool // no progress of the pull
	SigProxy   bool // signals are the container's
	Watching   bool // of a container that is not this command's own
	DetachKeys string
}

// A Session is a foreground run: this terminal, or these pipes, and one container.
type Session struct {
	containers agent.Containers
	id         mctr.ContainerID
	flags      *Options
	config     *mctr.ContainerConfig
	Terminal   *Terminal // nil without -t
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

// New returns the session of a container that is to be launched, started or attached to.
func New(c agent.Containers, id mctr.ContainerID, o *Options, config *mctr.ContainerConfig) *Session {
	s := &Session{containers: c, id: id, flags: o, config: config, signals: make(chan os.Signal, 64),
		detached: make(chan struct{}), over: make(chan struct{}), left: make(chan unix.Signal, 1)}
	if o.TTY && !o.Detach {
		s.Terminal = OpenTerminal()
		s.detachKeys, _ = ParseDetachKeys(o.DetachKeys) // checked by run
	}
	return s
}

// Restore gives the terminal back.
func (s *Session) Restore() { s.Terminal.restore() }

// Pulling is ctx that ends at a signal that asks for an end, until the
// container is launched: then signals are the container's or, without
// --sig-proxy, end this client alone.
func (s *Session) Pulling(ctx context.Context) context.Context {
	if s.flags.SigProxy && !s.flags.Detach {
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
			} else if !s.flags.SigProxy {
				s.left <- sig.(unix.Signal)
				return
			}
		}
	}()
	return ctx
}

// LaunchOptions are those of the launch whose streams the session carries.
func (s *Session) LaunchOptions() containerizer.LaunchOptions {
	s.followRestarts()
	o := containerizer.LaunchOptions{Detach: s.flags.Detach, Runs: s.runs}
	if !s.flags.Quiet {
		o.Progress = format.Progress(os.Stderr)
	}
	if !s.flags.Detach {
		o.Attach = s.attachment()
	}
	if size, ok := s.Terminal.Size(); ok {
		o.ConsoleSize = &size
	}
	return o
}

// attachment is how the session is attached to a run.
func (s *Session) attachment() *wire.Attach {
	return &wire.Attach{Stdin: s.config.Process.Stdin, Output: true, Primary: true}
}

// Follow carries the streams until the container has ended for good and is cleaned
// up, and gives the exit code of its last run.
func (s *Session) Follow(ctx context.Context, stream *launcher.Stream) error {
	s.launched.Store(true)
	if err := s.Terminal.raw(); err != nil {
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
			s.Terminal.restore()
			if s.config.Remove {
				return ConfirmRemoved(ctx, s.containers, s.id, s.result(t))
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
func (s *Session) carry(ctx context.Context) (*mctr.Termination, error) {
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
		s.Terminal.restore()
		fmt.Fprintf(format.Stderr, "mctr: detached from %s\n", s.id.Short())
		return nil, nil
	case sig := <-s.left:
		s.Terminal.restore()
		return nil, exit.Status{Code: 128 + int(sig)}
	case err := <-ended:
		if err != nil && !errors.Is(err, mctr.ErrUnavailable) {
			s.Terminal.restore()
			return nil, s.unread(ctx, err)
		}
		return s.finish(ctx, t, err)
	}
}

// unread ends a container whose output cannot be written any more, as a pipeline
// ends its writers: "mctr run ... | head", or a full disk. One that this command
// only watches goes on.
func (s *Session) unread(ctx context.Context, unwritten error) (err error) {
	if !s.flags.Watching {
		_, err = s.containers.Destroy(ctx, s.id)
	}
	if errors.Is(err, mctr.ErrNotFound) {
		err = nil // it removed itself
	}
	if errors.Is(unwritten, unix.EPIPE) {
		return exit.Status{Code: 128 + int(unix.SIGPIPE), Err: err}
	}
	return errors.Join(unwritten, err)
}

// finish waits for the release.
func (s *Session) finish(ctx context.Context, t *mctr.Termination, streamErr error) (*mctr.Termination, error) {
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
func (s *Session) result(t *mctr.Termination) error {
	if t.Reason != mctr.ReasonExited && t.Reason != mctr.ReasonSignaled {
		fmt.Fprintf(format.Stderr, "mctr: container %s: %s: %s\n", s.id.Short(), t.Reason, flags.Translate(t.Message))
	}
	if t.Log.Dropped > 0 {
		fmt.Fprintf(format.Stderr, "mctr: %d bytes of the log could not be written\n", t.Log.Dropped)
	}
	if !t.Failed() {
		return nil
	}
	return exit.OfContainer(t)
}

// forward passes signals on. After a second request to end, a third kills.
func (s *Session) forward(ctx context.Context) {
	if s.Terminal != nil && !s.flags.SigProxy {
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
			if size, ok := s.Terminal.Size(); ok {
				_ = s.current.Load().Resize(size)
			}
		default:
			s.pass(ctx, number)
		}
	}
}

func (s *Session) pass(ctx context.Context, number unix.Signal) {
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
		format.Complain(fmt.Errorf("forward signal %d: %w", number, err))
	}
}

func (s *Session) copyStdin() {
	in := io.Reader(os.Stdin)
	if s.Terminal != nil {
		in = &detachReader{r: os.Stdin, keys: s.detachKeys, detach: func() { s.once.Do(func() { close(s.detached) }) }}
	}
	if _, err := io.Copy(stdinOf{s}, in); err == nil {
		s.stdinEnded.Store(true)
		_ = s.current.Load().CloseStdin()
	}
}

// stdinOf writes to the present run of a session's container. What is typed
// between two runs is dropped.
type stdinOf struct{ s *Session }

func (w stdinOf) Write(p []byte) (int, error) {
	n, err := w.s.current.Load().Write(p)
	if err != nil && !w.s.config.Restart.Never() {
		return len(p), nil
	}
	return n, err
}

// gap says that output is missing: this command was too slow for too long.
func gap(bytes uint64) {
	fmt.Fprintf(format.Stderr, "mctr: %d bytes of output are left out here; mctr logs has them\n", bytes)
}
