package main

import (
	"os/exec"
	"strings"
	"testing"
)

// alone returns the output of the command line without the agent.
func (h *host) alone(args ...string) string {
	h.t.Helper()
	out, err := h.mctr(append([]string{"--root", h.root, "--state", h.state}, args...)...)
	if err != nil {
		h.t.Fatalf("mctr %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(out)
}

// TestStartOfAnothers starts a container of the command line through the agent. Its health checks and
// restart policy work even after the agent has stopped for good.
func TestStartOfAnothers(t *testing.T) {
	for name, goAway := range map[string]func(*host){"killed": (*host).kill, "stopped": (*host).stop} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			h.alone("create", "--name", "web", "--restart", "always", "--health-cmd", "test -e /up",
				"--health-interval", "20ms", "--health-start-period", "1h", h.image, "sleep", "1000")
			h.call(200, "START_CONTAINER",
				map[string]any{"container_id": id(h.alone("inspect", "-f", "{{.Id}}", "web"))}, nil)
			goAway(h)
			h.alone("exec", "web", "touch", "/up")
			h.alone("wait", "--condition", "healthy", "web")
			restarts := func() string { return h.alone("inspect", "-f", "{{.RestartCount}} {{.State.Status}}", "web") }
			if got := restarts(); got != "0 running" {
				t.Fatalf("at first: %s", got)
			}
			if err := exec.Command("kill", "-9", h.alone("inspect", "-f", "{{.State.Pid}}", "web")).Run(); err != nil {
				t.Fatal(err)
			}
			h.eventually("it is started again", func() bool { return restarts() == "1 running" })
			h.alone("rm", "-f", "web")
		})
	}
}

// TestStartOfAnothersAgent checks that an agent refuses to start a container of another agent, because
// no process would supervise it after this agent has stopped.
func TestStartOfAnothersAgent(t *testing.T) {
	h := newDirs(t)
	named := func(name string) {
		h.flags = []string{"--name", name, "--listen", "unix://" + h.state + "/agent.sock"}
		h.start()
	}
	named("one")
	h.launch("job", "true")
	h.wait("job")
	h.stop()
	named("two")
	const body = `{"type":"START_CONTAINER","start_container":{"container_id":{"value":"job"}}}`
	if code, answer := h.post(nil, strings.NewReader(body)); code != 409 ||
		!strings.Contains(string(answer), `belongs to \"one\"`) {
		t.Errorf("%d %s", code, answer)
	}
	h.alone("start", "job")
	h.alone("wait", "job")
	h.remove("job")
}
