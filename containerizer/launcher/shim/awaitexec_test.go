package shim

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/containerizer/launcher/engine"
	"github.com/mctr/mctr/internal/proc"
)

// TestPollExec changes the process's state between any two calls.
func TestPollExec(t *testing.T) {
	type state struct{ ending, executed bool }
	engine, task := state{}, state{executed: true}
	crashed, done := state{true, false}, state{true, true}
	for name, c := range map[string]struct {
		states []state // one for each call; the last one stays
		became bool
	}{
		"task":                  {[]state{task}, true},
		"soon":                  {[]state{engine, engine, engine, task}, true},
		"over in a moment":      {[]state{engine, done}, true},
		"over in two moments":   {[]state{engine, engine, done}, true},
		"over at once":          {[]state{done}, true},
		"crashed":               {[]state{crashed}, false},
		"crashed in a moment":   {[]state{engine, crashed}, false},
		"crashed in two":        {[]state{engine, engine, crashed}, false},
		"became it, then ended": {[]state{engine, engine, task, done}, true},
	} {
		t.Run(name, func(t *testing.T) {
			look := func() state {
				now := c.states[0]
				if len(c.states) > 1 {
					c.states = c.states[1:]
				}
				return now
			}
			if got := pollExec(func() bool { return look().ending }, func() bool {
				return look().executed
			}); got != c.became {
				t.Errorf("became %t", got)
			}
		})
	}
}

// engineComm is the name of this test's process while it plays the engine's program.
const engineComm = "engine"

// become makes this test's program play an engine's program that executes a task.
const become = "MCTR_TEST_BECOME"

// init runs on the first thread. When another thread calls execve(2), the kernel ends the first one
// before the process has its new name.
func init() {
	if os.Getenv(become) == "" {
		return
	}
	if err := os.WriteFile("/proc/self/comm", []byte(engineComm), 0); err != nil {
		panic(err)
	}
	fmt.Println("begun")
	failed := make(chan error)
	go func() {
		runtime.LockOSThread()
		failed <- unix.Exec("/bin/true", []string{"true"}, nil)
	}()
	panic(<-failed)
}

// TestAwaitExecByThread executes a short command from a thread other than the first. awaitExec must
// report that it was executed.
func TestAwaitExecByThread(t *testing.T) {
	for range 100 {
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = []string{become + "=1"}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Read(make([]byte, 6)); err != nil {
			t.Fatal(err)
		}
		p := &engine.Process{Pid: cmd.Process.Pid,
			Executed: func() bool { return proc.Command(cmd.Process.Pid) != engineComm }}
		if !awaitExec(p) {
			t.Error("it is taken for an engine's program that crashed")
		}
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
}
