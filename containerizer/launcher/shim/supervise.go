package shim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/engine"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/internal/eventlog"
	"github.com/mctr/mctr/internal/failpoint"
)

// Once every process of the container is dead, only a process outside it can keep a pipe open, and
// only a slow client can delay what is in the pipe.
const (
	stillTime = 2 * time.Second // nothing came, so nothing more will
	stuckTime = 5 * time.Second // one write takes this long: the client or the disk is stuck
	drainTime = time.Minute     // in total, if a process outside keeps writing
)

// supervise waits for the container's exit and handles it. Clients rely on the order: kill
// everything, drain the log, read the evidence, record the exit, and only then report it. A
// container that was never started gets no record: without one, it counts as an interrupted launch,
// which is undone.
func (s *Shim) supervise() {
	defer reapOrphans(s.container, &s.sessions)()
	unstarted := exitsBeforeExec(s.container.Init())
	status, err := s.container.Init().Wait()
	if err != nil {
		s.log.Error("wait for init", "error", err)
	}
	finished := time.Now()
	s.setPhase(mctr.Destroying)
	s.sessions.end(s.killRest)
	count := s.streams.drain()
	t := s.termination(status, finished)
	t.Log = count
	if unstarted {
		setExecveCause(s.create, t)
	}
	if !t.Started.IsZero() {
		recordExit(s.create, t, s.log)
		publishExit(s.create, t, s.log)
	}
	s.reportExit(t)
	s.delete()
	s.leave()
}

// killRest kills the processes that survived init.
func (s *Shim) killRest() {
	if err := s.container.Signal(int(unix.SIGKILL), true); err != nil {
		s.log.Error("kill the rest of the container", "error", err)
	}
}

func (s *Shim) termination(status engine.WaitStatus, finished time.Time) *mctr.Termination {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &mctr.Termination{
		ExitCode: status.Code, Signal: status.Signal, Reason: mctr.ReasonExited,
		Started: s.started, Finished: finished, OOM: oomEvidence(s.container.Cgroups()),
	}
	if status.Signal != 0 {
		t.Reason = mctr.ReasonSignaled
		t.Message = fmt.Sprintf("ended by signal %d (%s)", status.Signal,
			unix.SignalName(syscall.Signal(status.Signal)))
	}
	switch {
	case s.why != nil:
		t.SetCause(*s.why)
	case exitedByOOM(t, s.container.Init().Pid, s.killRequested):
		t.SetCause(oomLimitation(t.OOM))
	}
	return t
}

// recordExit writes the termination to a record that survives a reboot. If that fails (a full
// disk), it uses the space that was reserved beside the socket.
func recordExit(c *wire.Create, t *mctr.Termination, log *slog.Logger) {
	write := atomicfile.WriteDurableJSON
	if c.Transient {
		write = atomicfile.WriteJSON
	}
	err := write(c.Exit, t)
	if err != nil && c.FallbackExit != "" {
		log.Error("record the exit", "error", err)
		err = useExitReserve(c.FallbackExit, t)
	}
	if err := errors.Join(err, failpoint.Hit("exited")); err != nil {
		log.Error("record the exit", "error", err)
	}
}

// publishExit appends the exit to the event log.
func publishExit(c *wire.Create, t *mctr.Termination, log *slog.Logger) {
	e := mctr.Event{
		Action:     mctr.EventDie,
		Attributes: map[string]string{"exitCode": strconv.Itoa(t.ExitCode), "reason": t.Reason},
	}
	if t.Reason == mctr.ReasonOOM {
		publish(c, mctr.Event{Action: mctr.EventOOM, Attributes: e.Attributes}, log)
	}
	publish(c, e, log)
}

// publish appends an event of the container, with the attributes that all of them have.
func publish(c *wire.Create, e mctr.Event, log *slog.Logger) {
	if c.Events == "" {
		return
	}
	attributes := maps.Clone(c.Attributes)
	if attributes == nil {
		attributes = map[string]string{}
	}
	maps.Copy(attributes, e.Attributes)
	e.ID, e.Attributes = c.ID, attributes
	if err := eventlog.Append(c.Events, e); err != nil {
		log.Error("publish an event", "action", e.Action, "error", err)
	}
}

func (s *Shim) reportExit(t *mctr.Termination) {
	s.mu.Lock()
	s.exit, s.phase = t, mctr.Exited
	s.mu.Unlock()
	close(s.ended)
}

func (s *Shim) setPhase(phase mctr.Phase) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phase = phase
	s.setWatch()
}

func (s *Shim) delete() {
	if err := s.container.Delete(); err != nil {
		s.log.Error("delete the container", "error", err)
	}
	_ = s.streams.close()
}

// leave makes the shim exit. It first waits for the clients that promised to release the
// container's resources: until one does, or all have disconnected. In the latter case it starts the
// exit command.
func (s *Shim) leave() {
	s.mu.Lock()
	for !s.cleaned && s.cleaners > 0 {
		s.handover.Wait()
	}
	s.mu.Unlock()
	s.attached.deliver()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.cleaned && len(s.create.OnExit) > 0 {
		if err := hostCommand(context.Background(), s.create.OnExit).Start(); err != nil {
			s.log.Error("start the exit command", "error", err)
		}
	}
	s.finish()
}

func (s *Shim) promise(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cleaners += n
	s.handover.Broadcast()
	s.setWatch()
}

// hostCommand returns a command that runs on the host in a new session, so that no terminal's
// hangup reaches it, and in /, so that it keeps no mount busy.
func hostCommand(ctx context.Context, argv []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = os.Environ()
	cmd.Dir = "/"
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd
}
