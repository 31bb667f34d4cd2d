// Package session connects a foreground command with its container: it passes on input, output and
// signals, and follows restarts. It also has what commands need to talk to the user: questions, and
// files and streams that can be interrupted by signals.
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

// Options are the options of a session.
type Options struct {
	TTY        bool // the container has a terminal
	Detach     bool // launch the container and do not follow it
	Quiet      bool // do not print the progress of the pull
	SigProxy   bool // pass signals on to the container
	Watching   bool // the container was not launched by this command
	DetachKeys string
}

// A Session connects the standard streams of this process with one container.
type Session struct {
	containers agent.Containers
	id         mctr.ContainerID
	flags      *Options
	config     *mctr.ContainerConfig
	Terminal   *Terminal // nil without -t
	detachKeys []byte    // keys that detach the session; empty: none
	signals    chan os.Signal
	launched   atomic.Bool
	current    atomic.Pointer[launcher.Stream] // streams of the container's current run
	asked      atomic.Int32                    // number of requests to end the container
	over       chan struct{}                   // closed at the first request to end the container
	detached   chan struct{}
	left       chan unix.Signal // a signal that ends this client and not the container
	stdinEnded atomic.Bool
	once       sync.Once
	runs       *containerizer.Runs // nil: the session does not follow restarts
}

// New returns a session for a container that the caller will launch, start or attach to.
func New(c agent.Containers, id mctr.ContainerID, o *Options, config *mctr.ContainerConfig) *Session {
	s := &Session{containers: c, id: id, flags: o, config: config, signals: make(chan os.Signal, 64),
		detached: make(chan struct{}), over: make(chan struct{}), left: make(chan unix.Signal, 1)}
	if o.TTY && !o.Detach {
		s.Terminal = OpenTerminal()
		s.detachKeys, _ = ParseDetachKeys(o.DetachKeys) // checked by the caller
	}
	return s
}

// Restore ends the raw mode of the terminal.
func (s *Session) Restore() { s.Terminal.restore() }

// Pulling returns a context for the launch of the container. A termination signal cancels it. After the
// launch, signals are passed on to the container or, without --sig-proxy, end only this client.
func (s *Session) Pulling(ctx context.Context) context.Context {
	if s.flags.SigProxy && !s.flags.Detach {
		listen(s.signals) // before the launch, so that no signal is lost
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

// LaunchOptions returns the options to launch the container with.
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

// attachment returns the streams of a run that the session needs.
func (s *Session) attachment() *wire.Attach {
	return &wire.Attach{Stdin: s.config.Process.Stdin, Output: true, Primary: true}
}

// Follow passes on the streams until the container has exited, is not restarted, and is cleaned up. It
// returns the exit code of the last run as an exit.Status.
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

// carry passes on the streams of one run until its end, and returns the termination. It returns nil
// without an error if the user has detached.
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

// unread handles output that cannot be written, as in "mctr run ... | head" or with a full disk. It kills
// the container, as a pipeline kills its writers, unless this command only watches the container.
func (s *Session) unread(ctx context.Context, unwritten error) (err error) {
	if !s.flags.Watching {
		_, err = s.containers.Destroy(ctx, s.id)
	}
	if errors.Is(err, mctr.ErrNotFound) {
		err = nil // the container was removed automatically
	}
	if errors.Is(unwritten, unix.EPIPE) {
		return exit.Status{Code: 128 + int(unix.SIGPIPE), Err: err}
	}
	return errors.Join(unwritten, err)
}

// finish waits until the container is cleaned up, and returns its termination.
func (s *Session) finish(ctx context.Context, t *mctr.Termination, streamErr error) (*mctr.Termination, error) {
	final, err := s.containers.Wait(ctx, s.id)
	if err != nil && !errors.Is(err, mctr.ErrNotFound) {
		return nil, err
	}
	if final != nil && (t == nil || final.Reason != mctr.ReasonShimLost) {
		t = final // otherwise the termination from the stream is the better one
	}
	if t == nil {
		return nil, errors.Join(
			fmt.Errorf("%w: container %s was removed, and its termination is not recorded", mctr.ErrUnavailable,
				s.id.Short()),
			streamErr)
	}
	return t, nil
}

// result prints on stderr what the exit code does not tell, and returns the exit code.
func (s *Session) result(t *mctr.Termination) error {
	if t.Reason != mctr.ReasonExited && t.Reason != mctr.ReasonSignaled {
		fmt.Fprintf(format.Stderr, "mctr: container %s: %s: %s\n", s.id.Short(), t.Reason, flags.Translate(t.Message))
	}
	if t.Log.Dropped > 0 {
		fmt.Fprintf(format.Stderr, "mctr: %d bytes could not be written to the log\n", t.Log.Dropped)
	}
	if !t.Failed() {
		return nil
	}
	return exit.OfContainer(t)
}

// forward passes signals on to the container. The third request to end kills the container.
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

// stdinOf writes to the stdin of the container's current run. It drops input between two runs.
type stdinOf struct{ s *Session }

func (w stdinOf) Write(p []byte) (int, error) {
	n, err := w.s.current.Load().Write(p)
	if err != nil && !w.s.config.Restart.Never() {
		return len(p), nil
	}
	return n, err
}

// gap reports that output is missing because this command was too slow.
func gap(bytes uint64) {
	fmt.Fprintf(format.Stderr, "mctr: %d bytes of output are missing here; mctr logs has them\n", bytes)
}
