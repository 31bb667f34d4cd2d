package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/provisioner/imagetest"
)

// notByAgent are the scripts that do not apply with an agent: bundles are written on the host of the
// agent, the agent has its own directories of networks and plugins, it follows restart policies
// instead of the foreground command, and its supervisors are installed beside it.
var notByAgent = []string{"bundle_private", "bundle_refuses", "network_operators", "restart_policy", "older_shim"}

// TestScriptsByAgent runs the scripts again with an agent, and the scripts about agents.
func TestScriptsByAgent(t *testing.T) {
	files, err := filepath.Glob("testdata/script/*.txtar")
	own, ownErr := filepath.Glob("testdata/agent/*.txtar")
	if err := errors.Join(err, ownErr); err != nil || len(files) == 0 || len(own) == 0 {
		t.Fatal("no scripts", err)
	}
	files = append(files, own...)
	image, checked := imagetest.Busybox(t, t.TempDir()), checkedImage(t)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		if slices.Contains(notByAgent, name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			h := newHostIn(t, filepath.Join(dir, "root"), filepath.Join(dir, "state"), image)
			testscript.Run(t, testscript.Params{
				Files: []string{file}, RequireExplicitExec: true, RequireUniqueNames: true,
				Setup: func(e *testscript.Env) error {
					if err := h.script(e); err != nil {
						return err
					}
					e.Setenv("CHECKED", checked)
					e.Setenv("MCTR_AGENT", h.agent())
					return nil
				},
				Cmds: map[string]func(*testscript.TestScript, bool, []string){
					"code": scriptCode, "until": scriptUntil, "set": scriptSet},
				Condition: func(c string) (bool, error) { return c == "agent", nil },
			})
		})
	}
}

// agent starts an agent for this host and returns its address. The agent stops with the test.
func (h *host) agent() string {
	h.t.Helper()
	dir, err := os.MkdirTemp("", "mctr") // the path of a socket must be short
	if err != nil {
		h.t.Fatal(err)
	}
	socket := filepath.Join(dir, "agent.sock")
	cmd := exec.Command(filepath.Join(filepath.Dir(program(h.t)), "mctr-agent"), "--root", h.root, "--state", h.state,
		"--listen", "unix://"+socket)
	log := &bytes.Buffer{}
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err, "(make build)")
	}
	h.t.Cleanup(func() {
		_ = cmd.Process.Signal(unix.SIGTERM)
		late := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
		defer late.Stop()
		if err := cmd.Wait(); err != nil {
			h.t.Errorf("the agent: %v\n%s", err, log)
		}
		_ = os.RemoveAll(dir)
	})
	address := "unix://" + socket
	h.eventually("the agent serves", func() bool { return h.mctr("--agent", address, "version").code == 0 })
	return address
}

// TestTerminalByAgent uses the terminal of a container through an agent: input, size and signals. It
// detaches and attaches again.
func TestTerminalByAgent(t *testing.T) {
	h := newHost(t)
	h.want(0, "pull", "-q", h.image)
	address := h.agent()
	s := h.onScreen("--agent", address, "run", "-q", "-it", "--name", "shell", h.image, "sh")
	s.shows("/ # ")
	s.raw()
	s.types("stty size\r")
	s.shows("24 80")
	s.resize(33, 99)
	s.types("sleep 0.2; stty size\r")
	s.shows("33 99")
	s.types("\x10\x11")
	s.shows("detached")
	s.ends(0)
	back := h.onScreen("--agent", address, "attach", "shell")
	back.raw()
	back.types("echo again; exit 5\r")
	back.shows("again")
	back.ends(5)
	h.want(0, "--agent", address, "rm", "shell")
}

// TestForegroundByAgent checks that a signal is passed on, and that a container keeps running when its
// client is killed.
func TestForegroundByAgent(t *testing.T) {
	h := newHost(t)
	h.want(0, "pull", "-q", h.image)
	address := h.agent()
	run := h.command("--agent", address, "run", "-q", "--name", "job", h.image, "sh", "-c",
		"trap 'echo caught; exit 7' TERM; echo ready; while :; do sleep 0.02; done")
	var out bytes.Buffer
	run.Stdout = &out
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	h.eventually("it is ready", func() bool { return h.mctr("logs", "job").stdout == "ready\n" })
	h.kill(run, unix.SIGTERM)
	_ = run.Wait()
	if code := run.ProcessState.ExitCode(); code != 7 || out.String() != "ready\ncaught\n" {
		t.Errorf("exit code %d, output %q", code, out.String())
	}
	run = h.command("--agent", address, "run", "-q", "--name", "other", h.image, "sh", "-c",
		"while :; do echo tick; sleep 0.01; done")
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	h.eventually("it prints", func() bool { return strings.Contains(h.mctr("logs", "other").stdout, "tick") })
	h.kill(run, unix.SIGKILL)
	_ = run.Wait()
	if got := strings.TrimSpace(h.want(0, "inspect", "-f", "{{.State.Status}}", "other").stdout); got != "running" {
		t.Errorf("after its client it is %s", got)
	}
	h.want(0, "--agent", address, "rm", "-f", "job", "other")
}
