package shim

import (
	"errors"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/containerizer/launcher/engine"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// TestSlowExec ends one exec while another is still being started. If one blocked the other, the
// test would time out.
func TestSlowExec(t *testing.T) {
	var s sessions
	_, done, err := s.begin(func() (*engine.Process, error) { return &engine.Process{Pid: 1 << 30}, nil })
	if err != nil {
		t.Fatal(err)
	}
	entering, enter, left := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		_, _, err := s.begin(func() (*engine.Process, error) {
			close(entering)
			<-enter
			return nil, errors.New("no way in")
		})
		left <- err
	}()
	<-entering
	done()
	close(enter)
	if err := <-left; err == nil {
		t.Error("an exec that failed was begun")
	}
	s.end(func() {})
	if _, _, err := s.begin(nil); err == nil {
		t.Error("an exec was begun after the end")
	}
}

// TestLateExec ends the sessions while an exec is being started whose process has left the
// container's cgroup. The process must be killed as soon as it exists.
func TestLateExec(t *testing.T) {
	var s sessions
	entering, enter := make(chan struct{}), make(chan struct{})
	go func() {
		process, done, err := s.begin(func() (*engine.Process, error) {
			close(entering)
			<-enter
			return sleeper()
		})
		if err != nil {
			t.Error(err)
			return
		}
		if status, err := process.Wait(); err != nil || status.Signal != int(unix.SIGKILL) {
			t.Errorf("ended by %+v, %v", status, err)
		}
		done()
	}()
	<-entering
	killed, ended := make(chan struct{}), make(chan struct{})
	go func() { s.end(sync.OnceFunc(func() { close(killed) })); close(ended) }()
	<-killed // the other processes were killed without waiting for this one
	close(enter)
	<-ended
}

// sleeper starts a process that runs until it is killed.
func sleeper() (*engine.Process, error) {
	cmd := exec.Command("sleep", "100")
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &engine.Process{Pid: cmd.Process.Pid, Wait: func() (engine.WaitStatus, error) {
		state, err := cmd.Process.Wait()
		if err != nil {
			return engine.WaitStatus{}, err
		}
		return engine.WaitStatus{Signal: int(state.Sys().(syscall.WaitStatus).Signal())}, nil
	}}, nil
}

// TestWithSecrets: an exec has the container's secrets, except those that it sets itself.
func TestWithSecrets(t *testing.T) {
	s := &Shim{create: &wire.Create{SecretEnv: []string{"A=secret", "B=secret"}}}
	env := []string{"PATH=/bin", "B=own", "AA=x"}
	if got := s.withSecrets(env); !slices.Equal(got, []string{"PATH=/bin", "B=own", "AA=x", "A=secret"}) {
		t.Errorf("got %q", got)
	}
}
