package reaper_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/leakcheck"
	"github.com/mctr/mctr/internal/reaper"
)

// TestMain turns this binary into the init when it is started as "init COMMAND...", as a subreaper
// because it is not process 1.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "init" {
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
			unix.Exit(99)
		}
		if len(os.Args) == 3 && os.Args[2] == "pause" {
			signal.Notify(make(chan os.Signal, 1)) // so that none ends it before it listens
			fmt.Println("ready")
			unix.Exit(reaper.Pause())
		}
		unix.Exit(reaper.Run(os.Args[2:])) // at once: the race detector would wait a second
	}
	os.Exit(m.Run())
}

func start(t *testing.T, argv ...string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", append([]string{"init"}, argv...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewReader(out)
}

func exitCode(t *testing.T, cmd *exec.Cmd) int {
	t.Helper()
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode()
}

func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		argv []string
		want int
	}{
		{[]string{"true"}, 0},
		{[]string{"sh", "-c", "exit 42"}, 42},
		{[]string{"sh", "-c", "kill -9 $$"}, 137},
		{[]string{"sh", "-c", "kill -TERM $$"}, 143},
		{[]string{"no-such-command"}, 127},
		{[]string{"/etc/passwd"}, 126},
		{nil, 127},
	} {
		leaks := leakcheck.Snapshot(t, leakcheck.Scope{Kinds: []leakcheck.Kind{leakcheck.Process}})
		cmd, _ := start(t, c.argv...)
		if got := exitCode(t, cmd); got != c.want {
			t.Errorf("%q: exit code %d, want %d", c.argv, got, c.want)
		}
		leaks.Check()
	}
}

// TestReapsOrphans: a process whose parent has exited is reaped, and init exits only when the
// command does.
func TestReapsOrphans(t *testing.T) {
	cmd, out := start(t, "sh", "-c", "(sleep 0.05 & echo $!); exec sleep 600")
	line, err := out.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid := strings.TrimSpace(line)
	for {
		if _, err := os.Stat("/proc/" + pid); err != nil {
			break // reaped; otherwise the test runs into its timeout
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := exitCode(t, cmd); code != 143 {
		t.Errorf("exit code %d, want 143 of the command", code)
	}
}

// TestForwards: signals reach the command, except SIGCHLD.
func TestForwards(t *testing.T) {
	for _, s := range []struct {
		name   string
		signal syscall.Signal
	}{{"TERM", syscall.SIGTERM}, {"INT", syscall.SIGINT}, {"HUP", syscall.SIGHUP}, {"USR1", syscall.SIGUSR1},
		{"QUIT", syscall.SIGQUIT}} {
		cmd, out := start(t, "sh", "-c", "trap 'echo got; exit 7' "+s.name+"; echo ready; while :; do sleep 0.02; done")
		if line, err := out.ReadString('\n'); line != "ready\n" {
			t.Fatalf("the command printed %q: %v", line, err)
		}
		if err := cmd.Process.Signal(s.signal); err != nil {
			t.Fatal(err)
		}
		rest, _ := io.ReadAll(out)
		if code := exitCode(t, cmd); code != 7 || string(rest) != "got\n" {
			t.Errorf("SIG%s: exit code %d, printed %q; want 7, got", s.name, code, rest)
		}
	}
}

func TestPause(t *testing.T) {
	for _, sig := range []syscall.Signal{unix.SIGTERM, unix.SIGINT} {
		cmd, out := start(t, "pause")
		if line, err := out.ReadString('\n'); err != nil {
			t.Fatal(line, err)
		}
		ended := make(chan int)
		go func() { ended <- exitCode(t, cmd) }()
		for code := -1; code < 0; {
			_ = cmd.Process.Signal(unix.SIGCHLD) // is no reason to end
			_ = cmd.Process.Signal(sig)          // until it listens
			select {
			case code = <-ended:
			case <-time.After(10 * time.Millisecond):
			}
			if code > 0 {
				t.Errorf("%v: exit code %d", sig, code)
			}
		}
	}
}
