package failpoint

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain is also the process that a point kills.
func TestMain(m *testing.M) {
	if point := os.Getenv("FAILPOINT_TEST_HIT"); point != "" {
		if err := Hit(point); err != nil {
			_, _ = os.Stdout.WriteString(err.Error())
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// hit calls Hit for point in another process, with the points armed.
func hit(t *testing.T, armed, point string) (out string, state *os.ProcessState) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), Env+"="+armed, "FAILPOINT_TEST_HIT="+point)
	data, _ := cmd.Output()
	return string(data), cmd.ProcessState
}

func TestKill(t *testing.T) {
	_, state := hit(t, "other=error,intent=kill", "intent")
	if status := state.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGKILL {
		t.Errorf("%v, want SIGKILL", state)
	}
}

func TestPanic(t *testing.T) {
	if _, state := hit(t, "intent=panic", "intent"); state.ExitCode() != 2 {
		t.Errorf("%v, want a panic's 2", state)
	}
}

func TestError(t *testing.T) {
	if out, _ := hit(t, "a=error", "a"); out != "failpoint a: injected failure" {
		t.Errorf("%q", out)
	}
	if err := act("a", "error"); !errors.Is(err, ErrInjected) {
		t.Errorf("%v is not ErrInjected", err)
	}
}

func TestUnarmed(t *testing.T) {
	for _, armed := range []string{"", "a", "b=error", ",,"} {
		if out, state := hit(t, armed, "a"); out != "" || !state.Success() {
			t.Errorf("%s=%q: %q, %v", Env, armed, out, state)
		}
	}
}

func TestWrongActions(t *testing.T) {
	for _, action := range []string{"explode", "", "sleep", "sleep:long"} {
		if err := act("a", action); err == nil || !strings.Contains(err.Error(), "failpoint a") {
			t.Errorf("%q: %v", action, err)
		}
	}
}

func TestSleep(t *testing.T) {
	begun := time.Now()
	if err := act("a", "sleep:20ms"); err != nil || time.Since(begun) < 20*time.Millisecond {
		t.Errorf("%v after %v", err, time.Since(begun))
	}
}
