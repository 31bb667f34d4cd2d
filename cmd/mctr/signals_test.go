package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/provisioner/imagetest"
)

// ready starts mctr and waits until its output has "ready".
func (h *host) ready(args ...string) (cmd *exec.Cmd, out *lockedBuffer) {
	h.t.Helper()
	return h.begin(h.command(args...))
}

// begin is ready with another command.
func (h *host) begin(cmd *exec.Cmd) (_ *exec.Cmd, out *lockedBuffer) {
	h.t.Helper()
	out = &lockedBuffer{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = cmd.Process.Kill() })
	h.eventually("it is ready", func() bool { return strings.Contains(out.String(), "ready") })
	return cmd, out
}

// waitCode waits until mctr exits and checks the exit code.
func (h *host) waitCode(cmd *exec.Cmd, code int) {
	h.t.Helper()
	_ = cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != code {
		h.t.Errorf("exit code %d, want %d", got, code)
	}
}

func (h *host) kill(cmd *exec.Cmd, sig unix.Signal) {
	h.t.Helper()
	if err := cmd.Process.Signal(sig); err != nil {
		h.t.Fatal(err)
	}
}

func TestSignalsReachTheTask(t *testing.T) {
	h := newHost(t)
	for name, sig := range map[string]unix.Signal{"INT": unix.SIGINT, "TERM": unix.SIGTERM, "HUP": unix.SIGHUP,
		"USR1": unix.SIGUSR1, "QUIT": unix.SIGQUIT} {
		t.Run(name, func(t *testing.T) {
			h := &host{t: t, root: h.root, state: h.state, image: h.image}
			cmd, out := h.ready("run", "--rm", "-q", h.image, "sh", "-c",
				fmt.Sprintf("trap 'echo got %s; exit 4' %s; echo ready; while :; do sleep 0.02; done", name, name))
			h.kill(cmd, sig)
			h.waitCode(cmd, 4)
			if !strings.Contains(out.String(), "got "+name) {
				t.Errorf("output: %s", out)
			}
			h.wantClean()
		})
	}
}

// TestNohup checks that a signal that nohup, or a shell without job control for a background process,
// has set to be ignored is not passed to the task, and that the task itself ignores no signal.
func TestNohup(t *testing.T) {
	h := newHost(t)
	script := "trap 'echo got HUP' HUP; trap 'echo got INT' INT; trap 'exit 5' TERM; grep SigIgn /proc/self/status; " +
		"echo ready; while :; do sleep 0.02; done"
	cmd := h.command("run", "--rm", "-q", h.image, "sh", "-c", script)
	cmd.Path, cmd.Args = "/bin/sh",
		append([]string{"sh", "-c", `trap '' HUP INT; exec "$0" "$@"`, cmd.Path}, cmd.Args[1:]...)
	_, out := h.begin(cmd)
	for _, sig := range []unix.Signal{unix.SIGHUP, unix.SIGINT, unix.SIGTERM} {
		h.kill(cmd, sig)
	}
	h.waitCode(cmd, 5)
	// mask of signals 1 to 4
	if strings.Contains(out.String(), "got") || !regexp.MustCompile("SigIgn:\t.*0\n").MatchString(out.String()) {
		t.Errorf("output: %s", out)
	}
	h.wantClean()
}

// TestThirdInterruptKills runs a task that ignores termination signals.
func TestThirdInterruptKills(t *testing.T) {
	h := newHost(t)
	cmd, out := h.ready("run", "--rm", "-q", h.image, "sh", "-c",
		"trap 'echo heard' INT; echo ready; while :; do sleep 0.02; done")
	for n := 1; n <= 2; n++ {
		h.kill(cmd, unix.SIGINT)
		h.eventually("it heard", func() bool { return strings.Count(out.String(), "heard") == n })
	}
	h.kill(cmd, unix.SIGINT)
	h.waitCode(cmd, 137)
}

// TestThirdSignalEndsAnyCommand checks that the third signal ends a command that does not react to
// signals, for example because of a hanging system call.
func TestThirdSignalEndsAnyCommand(t *testing.T) {
	h := newHost(t)
	for _, args := range [][]string{{"run", "--rm", h.image, "true"}, {"run", "-d", h.image, "true"},
		{"create", h.image, "true"}} {
		cmd := h.command(args...)
		point := "image=sleep:1m"
		if args[0] == "create" {
			point = "intent=sleep:1m"
		}
		cmd.Env = append(cmd.Environ(), "MCTR_FAILPOINTS="+point)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		h.eventually("the launch is under way", func() bool {
			return len(entries(filepath.Join(h.root, "containers"))) > 0
		})
		begun := time.Now()
		for range 3 {
			time.Sleep(200 * time.Millisecond)
			h.kill(cmd, unix.SIGTERM)
		}
		h.waitCode(cmd, 143)
		if took := time.Since(begun); took > 10*time.Second {
			t.Errorf("%v: it took %v", args, took)
		}
		h.want(0, "reconcile")
		h.wantClean()
	}
}

// TestInterruptedPull interrupts a hanging pull, and checks that nothing is left but a partial blob, with
// which the next pull continues and which prune removes.
func TestInterruptedPull(t *testing.T) {
	h := newHost(t)
	registry := imagetest.NewRegistry(t)
	asked := make(chan struct{}, 16)
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	registry.Intercept = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/") {
			asked <- struct{}{}
			select {
			case <-release:
			case <-r.Context().Done():
			}
			return true
		}
		return false
	}
	ref := registry.Push(t, "slow", "latest", imagetest.Simple(t, "slow"))
	for _, args := range [][]string{{"run", "--rm", "--name", "slow", ref, "true"}, {"run", "-d", ref, "true"},
		{"create", ref, "true"}, {"run", "--dry-run", ref, "true"}, {"pull", ref}} {
		for _, sig := range []unix.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGHUP} {
			cmd := h.command(args...)
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			<-asked
			begun := time.Now()
			h.kill(cmd, sig)
			_ = cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code <= 0 || time.Since(begun) > 5*time.Second {
				t.Errorf("%v, %v: exit code %d after %v: %s", args, sig, code, time.Since(begun), out.String())
			}
			for len(asked) > 0 {
				<-asked
			}
			h.wantClean()
		}
	}
	h.want(0, "prune")
	if left := entries(filepath.Join(h.root, "images", "tmp")); len(left) > 0 {
		t.Errorf("left after a prune: %v", left)
	}
}

// TestImageStopSignal checks that stop sends the stop signal of the image, unless the command line has
// another one.
func TestImageStopSignal(t *testing.T) {
	dir := t.TempDir()
	image := imagetest.BusyboxWith(t, dir, v1.ImageConfig{StopSignal: "SIGUSR1"})
	h := newHostIn(t, filepath.Join(dir, "root"), filepath.Join(dir, "state"), image)
	for _, c := range []struct {
		flags []string
		want  string
	}{{nil, "5\n"}, {[]string{"--stop-signal", "USR2"}, "6\n"}} {
		args := append([]string{"run", "-d", "-q", "--name", "job"}, c.flags...)
		h.want(0,
			append(args, image, "sh", "-c",
				"trap 'exit 5' USR1; trap 'exit 6' USR2; echo ready; while :; do sleep 0.02; done")...)
		h.eventually("it traps", func() bool { return strings.Contains(h.want(0, "logs", "job").stdout, "ready") })
		h.want(0, "stop", "job")
		if got := h.want(0, "wait", "job").stdout; got != c.want {
			t.Errorf("%q: ended with %q, want %q", c.flags, got, c.want)
		}
		h.want(0, "rm", "job")
	}
}
