package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/internal/leakcheck"
	"github.com/mctr/mctr/internal/testprogram"
	"github.com/mctr/mctr/provisioner/imagetest"
)

// A host has its own directories and an agent, of the built program, that serves them.
type host struct {
	t           *testing.T
	root, state string
	image       string
	flags       []string
	env         []string
	cmd         *exec.Cmd
	client      *http.Client
	log         *logText
}

// A logText collects the log of an agent. It can be read while the agent writes to it.
type logText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logText) String() string {
	if l == nil {
		return ""
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// newHost starts an agent. The test fails if its containers leave anything on the host.
func newHost(t *testing.T, flags ...string) *host {
	t.Helper()
	h := newDirs(t)
	h.flags = flags
	h.start()
	return h
}

// newDirs returns a host whose agent is not started yet. Its paths are short, because of the sockets.
func newDirs(t *testing.T) *host {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("these tests are run by root")
	}
	dir, err := os.MkdirTemp("", "mctr-agent")
	if err != nil {
		t.Fatal(err)
	}
	h := &host{t: t, root: filepath.Join(dir, "root"), state: filepath.Join(dir, "state"),
		image: imagetest.Busybox(t, dir)}
	prefix, _, _ := strings.Cut(store.At("", h.state).Container("x").Cgroup(), "/")
	leaks := leakcheck.Snapshot(t,
		leakcheck.Scope{Names: []string{prefix, dir + "/"},
			Kinds: []leakcheck.Kind{leakcheck.Mount, leakcheck.Cgroup, leakcheck.Process}})
	t.Cleanup(func() {
		h.stop()
		h.sweep(prefix)
		leaks.Check()
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	h.client = h.dial(h.socket())
	return h
}

func (h *host) socket() string { return filepath.Join(h.state, "agent.sock") }

// dial returns a client of the agent that listens at socket.
func (h *host) dial(socket string) *http.Client {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}
	h.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 60 * time.Second}
}

// command returns the command that starts the built agent with the directories of the host.
func (h *host) command(flags ...string) *exec.Cmd {
	h.t.Helper()
	cmd := exec.Command(testprogram.Find(h.t, "mctr-agent"),
		append([]string{"--root", h.root, "--state", h.state, "--log-level", "debug"}, flags...)...)
	cmd.Env = append(os.Environ(), h.env...)
	return cmd
}

// start starts the agent and waits until it serves.
func (h *host) start() {
	h.t.Helper()
	h.cmd, h.log = h.command(h.flags...), &logText{}
	h.cmd.Stderr = h.log
	if err := h.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.eventually("the agent serves", h.serves)
}

func (h *host) serves() bool {
	answer, err := h.client.Get("http://agent/healthz")
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// kill kills the agent with SIGKILL.
func (h *host) kill() {
	h.t.Helper()
	if err := h.cmd.Process.Kill(); err != nil {
		h.t.Fatal(err)
	}
	_ = h.cmd.Wait()
	h.cmd = nil
}

// stop asks the agent to exit. The agent must do so in time and without an error.
func (h *host) stop() {
	if h.cmd == nil {
		return
	}
	_ = h.cmd.Process.Signal(unix.SIGTERM)
	timer := time.AfterFunc(20*time.Second, func() { _ = h.cmd.Process.Kill() })
	if err := h.cmd.Wait(); err != nil {
		h.t.Errorf("the agent ended: %v\n%s", err, h.log)
	}
	timer.Stop()
	h.cmd = nil
}

// sweep checks that nothing of any container is left.
func (h *host) sweep(prefix string) {
	for _, dir := range []string{h.root + "/containers", h.root + "/names", h.root + "/images/leases",
		h.state + "/containers"} {
		if entries, _ := os.ReadDir(dir); len(entries) > 0 {
			h.t.Errorf("%s holds %v\n%s", dir, entries, h.log)
		}
	}
	for _, group := range []string{prefix, prefix + "-shims"} {
		if pids, err := cgroup.Pids(group); err != nil || len(pids) > 0 {
			h.eventually("no process is left in "+group, func() bool {
				pids, _ := cgroup.Pids(group)
				return len(pids) == 0
			})
		}
		if err := errors.Join(cgroup.Kill(group, 5*time.Second), cgroup.Remove(group)); err != nil {
			h.t.Error(err)
		}
	}
	_ = unix.Unmount(h.state, unix.MNT_DETACH)
}

// eventually polls until ok, for at most ten seconds.
func (h *host) eventually(what string, ok func() bool) {
	h.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			h.t.Errorf("%s: not after ten seconds", what)
			return
		}
	}
}

// post sends a body and returns the status and the answer.
func (h *host) post(headers http.Header, body io.Reader) (int, []byte) {
	h.t.Helper()
	answer := h.open(headers, body)
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return answer.StatusCode, data
}

// open sends a body and returns the answer, which may be a stream.
func (h *host) open(headers http.Header, body io.Reader) *http.Response {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), http.MethodPost, "http://agent"+api.Path, body)
	if err != nil {
		h.t.Fatal(err)
	}
	if r.Header = headers; headers == nil {
		r.Header = asJSON()
	}
	answer, err := h.client.Do(r)
	if err != nil {
		h.t.Fatal(err, h.log)
	}
	return answer
}

func asJSON() http.Header { return http.Header{"Content-Type": {api.JSON}} }

// call makes a call and checks the status. answer may be nil.
func (h *host) call(code int, kind string, arguments, answer any) {
	h.t.Helper()
	body, err := api.NewMessage(kind, arguments)
	if err != nil {
		h.t.Fatal(err)
	}
	got, data := h.post(nil, bytes.NewReader(body))
	if got != code {
		h.t.Fatalf("%s: status %d, want %d: %s", body, got, code, data)
	}
	if described(h.t, "Call", body); code >= 400 {
		described(h.t, "Failure", data)
	} else if len(data) > 0 {
		described(h.t, "Answer", data)
	}
	if answer == nil {
		return
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		h.t.Fatalf("%s: %v", data, err)
	}
	if err := json.Unmarshal(fields[api.Field(kind)], answer); err != nil {
		h.t.Fatalf("%s: %v", data, err)
	}
}

// id returns an id in the form of the API. The parts of a nested id are separated by dots.
func id(s string) api.ContainerID { return api.NewContainerID(mctr.ContainerID(s)) }

// sh returns the command for a line of shell script.
func sh(line string) *api.CommandInfo { return &api.CommandInfo{Value: line} }

// in returns a container with the image of the host.
func (h *host) in() *api.ContainerInfo {
	return &api.ContainerInfo{Type: "MESOS",
		Mesos: &api.MesosInfo{Image: &api.Image{Type: "DOCKER", Docker: &api.DockerImage{Name: h.image}}}}
}

// launch runs a command line in the image.
func (h *host) launch(name, line string) {
	h.t.Helper()
	h.call(200, api.LaunchContainer, api.Launch{ContainerID: id(name), Command: sh(line), Container: h.in()}, nil)
}

// wait returns the termination of a container.
func (h *host) wait(name string) (end api.Termination) {
	h.t.Helper()
	h.call(200, api.WaitContainer, api.ID{ContainerID: id(name)}, &end)
	return end
}

// remove removes containers in any state.
func (h *host) remove(names ...string) {
	h.t.Helper()
	for _, name := range names {
		h.call(200, api.RemoveContainer, api.Remove{ContainerID: id(name), Force: true}, nil)
	}
}

// get returns the answer to a GET request.
func (h *host) get(code int, path string) string {
	h.t.Helper()
	answer, err := h.client.Get("http://agent" + path)
	if err != nil {
		h.t.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != code {
		h.t.Fatalf("%s: status %d, want %d; %v: %s", path, answer.StatusCode, code, err, data)
	}
	return string(data)
}
