package shim

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/engine"
	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/internal/eventlog"
	"github.com/mctr/mctr/internal/failpoint"
)

// After every process of the container is dead, only a process outside it can
// still hold a pipe, and only a slow client can still hold up what is in it.
const (
	stillTime = 2 * time.Second // with nothing to do: nothing more will come
	stuckTime = 5 * time.Second // in one write: the client, or the disk, is stuck
	drainTime = time.Minute     // in all: a process outside goes on writing
)

// supervise sees the container to its end. Its order is the promise to clients:
// everything is killed, the log is drained, the evidence is read, the end is
// recorded, and only then are clients told. A container that was never started has no
// end: without a record it is a launch that was cut off, which is undone.
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
		s.setExecveCause(t)
	}
	if !t.Started.IsZero() {
		s.record(t)
		s.publishExit(t)
	}
	s.reportExit(t)
	s.delete()
	s.leave()
}

// killRest ends what init's death did not.
func (s *Shim) killRest() {
	if err := s.container.Signal(int(unix.SIGKILL), true); err != nil {
		s.log.Error("kill what is left of the container", "error", err)
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
	case forMemory(t, s.container.Init().Pid, s.asked):
		t.SetCause(outOfMemory(t.OOM))
	}
	return t
}

// record writes the end down: where it survives a reboot, and where that is not
// possible (a full disk) at least beside the socket, where there is room for it.
func (s *Shim) record(t *mctr.Termination) {
	write := atomicfile.WriteDurableJSON
	if s.create.Transient {
		write = atomicfile.WriteJSON
	}
	err := write(s.create.Exit, t)
	if err != nil && s.create.FallbackExit != "" {
		s.log.Error("record the end", "error", err)
		err = useExitReserve(s.create.FallbackExit, t)
	}
	if err := errors.Join(err, failpoint.Hit("exited")); err != nil {
		s.log.Error("record the end", "error", err)
	}
}

// publishExit appends the exit to the events.
func (s *Shim) publishExit(t *mctr.Termination) {
	if s.create.Events == "" {
		return
	}
	e := mctr.Event{Time: t.Finished.UTC(), ID: s.create.ID, Action: mctr.EventDie, Attributes: map[string]string{}}
	maps.Copy(e.Attributes, s.create.Attributes)
	e.Attributes["exitCode"], e.Attributes["reason"] = strconv.Itoa(t.ExitCode), t.Reason
	actions := []string{mctr.EventDie}
	if t.Reason == mctr.ReasonOOM {
		actions = []string{mctr.EventOOM, mctr.EventDie}
	}
	for _, e.Action = range actions {
		if err := eventlog.Append(s.create.Events, e); err != nil {
			s.log.Error("tell the end", "error", err)
		}
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

// leave ends the shim when the container's resources have found a keeper: a
// client that promised to release them, or else the exit command.
func (s *Shim) leave() {
	for !s.handedOver() {
		time.Sleep(time.Millisecond)
	}
	s.awaitDelivery()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.cleaned && len(s.create.OnExit) > 0 {
		if err := runOnExit(s.create.OnExit); err != nil {
			s.log.Error("start the exit command", "error", err)
		}
	}
	s.closeOver()
}

// awaitDelivery waits for the attached clients to have everything: what is not
// sent when the shim ends is lost to them.
func (s *Shim) awaitDelivery() {
	told := s.attached.delivered()
	select {
	case <-told:
		return
	case <-time.After(stillTime):
		s.attached.growBuffers()
	}
	select {
	case <-told:
	case <-time.After(stuckTime):
	}
}

// handedOver reports whether no client's promise is open any more.
func (s *Shim) handedOver() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cleaned || s.cleaners == 0
}

func (s *Shim) promise(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cleaners += n
	s.setWatch()
}

// runOnExit starts the exit command in a session of its own and does not wait.
func runOnExit(argv []string) error {
	cmd := exec.Command(argv[0], argv[1:]...)
	onHost(cmd)
	return cmd.Start()
}

// onHost sets up a command of the host's: no terminal's end reaches it, and it holds up
// no mount.
func onHost(cmd *exec.Cmd) {
	cmd.Env = os.Environ()
	cmd.Dir = "/"
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
}
