package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/agent/api/recordio"
)

// TestKilledAgent kills the agent and starts another one. Containers keep running, terminations in
// between are correct, and clients can attach again.
func TestKilledAgent(t *testing.T) {
	h := newHost(t)
	gate := t.TempDir()
	launch := func(name string, config *mctr.ContainerConfig) {
		config.Image, config.Volumes = h.image, []mctr.Volume{{Type: "bind", Source: gate, Target: "/gate"}}
		h.call(200, api.LaunchContainer, api.Launch{ContainerID: id(name), Mctr: &api.Extension{Config: config}}, nil)
	}
	launch("talk", &mctr.ContainerConfig{Process: mctr.Process{
		Args: []string{"sh", "-c",
			"i=0; while read line; do i=$((i+1)); echo $i $line; [ $line = end ] && exit 4; done"}, Stdin: true,
	}})
	const opened = "while [ ! -e /gate/open ]; do sleep 0.02; done; exit "
	launch("gone", &mctr.ContainerConfig{Process: mctr.Process{Args: []string{"sh", "-c", opened + "9"}}, Remove: true})
	launch("short", &mctr.ContainerConfig{Process: mctr.Process{Args: []string{"sh", "-c", opened + "6"}}})
	h.launch("long", "while :; do echo tick; sleep 0.01; done")
	h.input("talk", "one\n")
	h.kill()
	if err := os.WriteFile(filepath.Join(gate, "open"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h.eventually("what was to end has ended", func() bool { return h.recorded("short") && h.recorded("gone") })
	h.start()
	if end := h.wait("short"); end.Mctr.ExitCode != 6 {
		t.Errorf("ended meanwhile: %+v", end)
	}
	if end := h.wait("gone"); end.Mctr.ExitCode != 9 {
		t.Errorf("ended and removed meanwhile: %+v", end)
	}
	h.call(200, api.RemoveContainer, api.ID{ContainerID: id("gone")}, nil)
	h.call(404, api.WaitContainer, api.ID{ContainerID: id("gone")}, nil)
	output := h.attach("talk")
	h.input("talk", "two\nend\n")
	if got := output.text(t); got != "2 two\n3 end\n" {
		t.Errorf("output after the restart: %q", got)
	}
	if end := h.wait("talk"); end.Mctr.ExitCode != 4 {
		t.Errorf("the end: %+v", end)
	}
	if got := h.get(200,
		"/files/read?path=/containers/talk/sandbox/stdout&offset=0"); !strings.Contains(got, `1 one\n2 two\n3 end\n`) {
		t.Errorf("the log: %s", got)
	}
	if !strings.Contains(h.get(200, "/metrics"), `mctr_recovered_containers{as="adopted"} 2`) {
		t.Error("two were adopted")
	}
	h.remove("talk", "short", "long")
}

// recorded reports whether the termination of the container is recorded.
func (h *host) recorded(name string) bool {
	return exists(filepath.Join(h.root, "containers", name, "exit.json"))
}

// input sends text to the stdin of a container and disconnects.
func (h *host) input(name, text string) {
	h.t.Helper()
	body := records(h.t, api.Input{Type: "CONTAINER_ID", ContainerID: ptr(id(name))},
		api.Input{Type: "PROCESS_IO",
			ProcessIO: &api.ProcessIO{Type: "DATA", Data: &api.Data{Type: "STDIN", Data: []byte(text)}}})
	if code, answer := h.post(asRecords(), strings.NewReader(body)); code != http.StatusOK {
		h.t.Fatalf("input: %d %s", code, answer)
	}
}

// records returns messages of ATTACH_CONTAINER_INPUT.
func records(t *testing.T, messages ...api.Input) string {
	t.Helper()
	var body []byte
	for _, m := range messages {
		record, err := api.NewMessage(api.AttachContainerInput, m)
		if err != nil {
			t.Fatal(err)
		}
		body = recordio.Append(body, record)
	}
	return string(body)
}

func asRecords() http.Header {
	return http.Header{"Content-Type": {api.RecordIO}, "Message-Content-Type": {api.JSON}}
}

func ptr[T any](v T) *T { return &v }

// restarting launches a container with the restart policy always, and returns a function for its status.
func (h *host) restarting(name, script string) (status func() mctr.Status) {
	h.t.Helper()
	config := &mctr.ContainerConfig{Image: h.image, Process: mctr.Process{Args: []string{"sh", "-c", script}},
		Restart: mctr.RestartPolicy{Name: mctr.RestartAlways}}
	h.call(200, api.LaunchContainer, api.Launch{ContainerID: id(name), Mctr: &api.Extension{Config: config}}, nil)
	return func() (s mctr.Status) {
		h.call(200, api.InspectContainer, api.ID{ContainerID: id(name)}, &s)
		return s
	}
}

// TestStopAsConfigured checks that a stop without signal and timeout uses those of the container. The
// timeout is 0.
func TestStopAsConfigured(t *testing.T) {
	h := newHost(t)
	for name, c := range map[string]struct {
		script string
		code   int
	}{
		"heard": {"trap 'exit 7' USR1; while :; do sleep 0.02; done", 7},
		"deaf":  {"trap '' USR1; while :; do sleep 0.02; done", 137},
	} {
		config := &mctr.ContainerConfig{Image: h.image, StopSignal: "USR1",
			Process: mctr.Process{Args: []string{"sh", "-c", c.script}}}
		if name == "deaf" {
			config.StopTimeout = new(mctr.Duration)
		}
		h.call(200, api.LaunchContainer, api.Launch{ContainerID: id(name), Mctr: &api.Extension{Config: config}}, nil)
		time.Sleep(200 * time.Millisecond) // time to set the trap
		asked := time.Now()
		h.call(200, api.StopContainer, api.Stop{ContainerID: id(name)}, nil)
		var s mctr.Status
		h.call(200, api.InspectContainer, api.ID{ContainerID: id(name)}, &s)
		if s.Termination == nil || s.Termination.ExitCode != c.code || time.Since(asked) > 5*time.Second {
			t.Errorf("%s: %+v after %v", name, s.Termination, time.Since(asked))
		}
		h.call(200, api.RemoveContainer, api.Remove{ContainerID: id(name)}, nil)
	}
}

// TestErrorsNameFields checks that errors name fields of the config, and not flags.
func TestErrorsNameFields(t *testing.T) {
	h := newHost(t)
	config := &mctr.ContainerConfig{Image: h.image, Network: "none",
		Ports: []mctr.Port{{ContainerPort: 80, Protocol: "tcp"}}}
	call, err := api.NewMessage(api.LaunchContainer,
		api.Launch{ContainerID: id("job"), Mctr: &api.Extension{Config: config}})
	if err != nil {
		t.Fatal(err)
	}
	code, body := h.post(http.Header{"Content-Type": {api.JSON}}, strings.NewReader(string(call)))
	answer := string(body)
	if code != 400 || strings.Contains(answer, "--publish") ||
		!strings.Contains(answer, "config.ports: the container has no network") {
		t.Errorf("%d %s", code, answer)
	}
}

// TestRestartPolicy checks that the agent follows the policy, even after its own restart, until a
// client stops or kills the container.
func TestRestartPolicy(t *testing.T) {
	h := newHost(t)
	status := h.restarting("job", "echo run; sleep 0.05")
	restarted := func(times int) {
		h.eventually("it is started again", func() bool { return status().Restarts >= times })
	}
	restarted(2)
	h.kill()
	h.start()
	restarted(status().Restarts + 1) // each restart waits twice as long as the previous one
	h.call(200, api.StopContainer,
		api.Stop{ContainerID: id("job"), Signal: 9, Timeout: new(mctr.Duration(time.Second))}, nil)
	stopped := status().Restarts
	killed := h.restarting("killed", "sleep 1000")
	h.call(200, api.KillContainer, api.Kill{ContainerID: id("killed")}, nil)
	h.wait("killed")
	time.Sleep(500 * time.Millisecond) // time in which they would be restarted
	if s := status(); s.Phase != mctr.Exited || s.Restarts > stopped {
		t.Errorf("it was stopped: %s, %d restarts", s.Phase, s.Restarts)
	}
	if s := killed(); s.Phase != mctr.Exited || s.Restarts > 0 {
		t.Errorf("it was killed: %s, %d restarts", s.Phase, s.Restarts)
	}
	h.remove("job", "killed")
}
