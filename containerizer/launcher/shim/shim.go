// Package shim is the server in mctr-shim, which supervises one container. The shim is the parent
// and reaper of the container's processes, owns their standard streams and the log, runs exec
// sessions, and records how the container exited.
//
// On disk: the Created and Exit records and the log, at the paths that wire.Create names; the
// engine's own state. In the kernel: the container's processes, and what the engine creates. The
// shim survives all of its clients. Only until Start, it destroys the container when the connection
// that created it closes.
package shim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/engine"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/internal/flock"
	"github.com/mctr/mctr/internal/inherit"
)

// patience is how long a shim waits for Create before it exits.
const patience = 30 * time.Second

// A Shim supervises one container.
type Shim struct {
	engines  func(runtime string) engine.Engine
	log      *slog.Logger
	sessions sessions
	attached attachedClients // clients that receive the output and the exit

	starting sync.RWMutex // read-locked while an exec enters the container

	mu            sync.Mutex
	launcher      *peer        // the client that creates the container; nil before, and after Start
	create        *wire.Create // nil before Create
	container     engine.Container
	streams       *streams
	phase         mctr.Phase
	started       time.Time
	why           *mctr.Limitation // why this shim killed the container; nil if it did not
	killRequested bool             // a client sent SIGKILL
	cleaners      int              // number of clients that promised to clean up
	cleaned       bool             // one of them does
	handover      *sync.Cond       // signals on mu that cleaners or cleaned has changed
	watch         watchCommand
	created       *wire.Created // record of the container's init

	ended chan struct{} // closed when exit is set and recorded
	exit  *mctr.Termination
	done  chan struct{} // closed when the shim may end

	finish func() // closes done, once

	alive *flock.Lock // lock of a restored directory; nil: the inherited one
}

// New returns a shim that creates its container with the engine that engines returns for the
// Runtime of wire.Create.
func New(engines func(runtime string) engine.Engine, log *slog.Logger) *Shim {
	s := &Shim{engines: engines, log: log, ended: make(chan struct{}), done: make(chan struct{})}
	s.handover = sync.NewCond(&s.mu)
	s.finish = sync.OnceFunc(func() { close(s.done) })
	return s
}

// Run serves l until the container has exited, its termination is recorded, and the exit command is
// started. The caller calls it once.
func (s *Shim) Run(l net.Listener) error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become the reaper of the container's orphans: %w", err)
	}
	unix.Umask(inherit.Umask)
	inherit.Unlimit()
	inherit.Hush()
	hangUps := make(chan os.Signal, 1)
	signal.Notify(hangUps, unix.SIGHUP) // asks the shim to check its directory
	deferGC()
	idle := time.AfterFunc(patience, s.giveUp)
	defer idle.Stop()
	socket := lstat(wire.SocketName) // relative: the launcher started the shim in the container's directory
	go s.accept(l)
	go s.maintainStateDir(l, socket, hangUps)
	<-s.done
	return nil
}

// giveUp makes a shim exit that has no container.
func (s *Shim) giveUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.create == nil {
		s.finish()
	}
}

func (s *Shim) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			s.log.Error("accept", "error", err)
			time.Sleep(10 * time.Millisecond) // most likely out of descriptors
			continue
		}
		go s.serve(conn.(*net.UnixConn))
	}
}

// Create creates the container and starts to supervise it. The error wraps mctr.ErrExists if this
// shim already has one.
func (s *Shim) Create(ctx context.Context, c *wire.Create) (*wire.Created, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.create != nil {
		return nil, fmt.Errorf("%w: this shim supervises %s", mctr.ErrExists, s.create.ID)
	}
	s.create = c
	created, err := s.createContainer(ctx, c)
	if err != nil {
		s.create = nil
		return nil, err
	}
	s.phase = mctr.Isolating
	return created, nil
}

// Start lets init execute the user's command. Only the client that created the container may start
// it. With report it appends the start event. If a poststart hook fails, Start kills the container.
func (s *Shim) Start(p *peer, report bool) error {
	if err := s.startInit(p, report); err != nil {
		return err
	}
	if err := s.container.RunPoststart(); err != nil {
		cause := mctr.Limitation{Reason: mctr.ReasonLaunchFailed, Message: "start: " + err.Error()}
		return errors.Join(fmt.Errorf("start: %w", err), s.destroy(cause))
	}
	return nil
}

// startInit lets init execute the command, and starts the limit on the run time.
func (s *Shim) startInit(p *peer, report bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != mctr.Isolating {
		return fmt.Errorf("%w: start: container is %s", mctr.ErrState, s.phase)
	}
	if s.launcher != p {
		return fmt.Errorf("%w: start: another client created the container", mctr.ErrState)
	}
	if err := s.container.Start(); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	s.launcher, s.phase, s.started = nil, mctr.Running, time.Now()
	if report { // while mu is held, the exit of the container is not handled
		publish(s.create, mctr.Event{Action: mctr.EventStart}, s.log)
	}
	s.setWatch()
	time.AfterFunc(gcGracePeriod, restoreGC)
	if s.create.MaxTime > 0 {
		time.AfterFunc(s.create.MaxTime, func() { _ = s.destroy(maxTimeLimitation(s.create.MaxTime)) })
	}
	return nil
}

// destroyAfterGrace destroys the container, with a grace period after a signal if d has one.
func (s *Shim) destroyAfterGrace(d *wire.Destroy) error {
	if d.Grace <= 0 {
		return s.destroy(d.Why)
	}
	if c, err := s.running(); err == nil {
		awaitExec(c.Init())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.container == nil || s.exit != nil {
		return nil
	}
	if s.why == nil {
		s.why = &d.Why
	}
	time.AfterFunc(d.Grace, func() { _ = s.destroy(d.Why) }) // destroy logs its error
	if err := s.container.Signal(d.Signal, false); err != nil {
		return err
	}
	return s.thaw(s.container)
}

// destroy kills the container. The first why becomes the reason of the termination.
func (s *Shim) destroy(why mctr.Limitation) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.container == nil || s.exit != nil {
		return nil
	}
	if s.why == nil {
		s.why = &why
	}
	err := errors.Join(s.container.Signal(int(unix.SIGKILL), true), s.container.Signal(int(unix.SIGKILL), false))
	if err != nil {
		s.log.Error("kill the container", "error", err)
	}
	return err
}

func maxTimeLimitation(limit time.Duration) mctr.Limitation {
	return mctr.Limitation{
		Reason: mctr.ReasonMaxTime, Message: fmt.Sprintf("it ran longer than its limit of %s", limit), Resource: "time",
		Limit: int64(limit), Used: int64(limit),
	}
}

// running returns the container. The error wraps mctr.ErrState if it does not exist or has exited.
func (s *Shim) running() (engine.Container, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.container == nil || s.exit != nil {
		return nil, fmt.Errorf("%w: container is not running", mctr.ErrState)
	}
	return s.container, nil
}

// Log returns a logger that writes JSON lines to stderr, which the launcher redirects to the shim's
// log.
func Log() *slog.Logger {
	return slog.New(slog.NewJSONHandler(os.Stderr, nil))
}
