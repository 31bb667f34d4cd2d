package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/store"
)

// TestReboot changes the boot id in STATE. Containers that were running have exited, according to the
// records alone; created and exited containers are unchanged; only an agent continues a restart policy.
func TestReboot(t *testing.T) {
	h := newHost(t)
	h.want(0, "create", "--name", "waiting", h.image, "true")
	h.want(4, "run", "-q", "--name", "ended", h.image, "sh", "-c", "exit 4")
	h.want(0, "run", "-q", "-d", "--name", "ran", h.image, "sleep", "100")
	ended := strings.TrimSpace(h.want(0, "inspect", "-f", "{{.Id}}", "ended").stdout)
	records := store.New(h.root, h.state).Container(mctr.ContainerID(ended))
	err := records.Change(t.Context(), store.AwaitRestart, func(s *store.State) { s.Pending = store.Restart })
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(h.state, "boot_id"), []byte("another boot\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"waiting": "created 0 <nil>", "ended": "exited 4 EXITED",
		"ran": "exited 137 REBOOT"} {
		got := h.want(0, "inspect", "-f",
			"{{.State.Status}} {{.State.ExitCode}} {{with .Mctr.Termination}}{{.Reason}}{{else}}<nil>{{end}}",
			name).stdout
		if strings.TrimSpace(got) != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if left := h.want(0, "reconcile", "--dry-run").stdout; left != "" {
		t.Errorf("left over: %s", left)
	}
	h.want(0, "start", "-a", "waiting")
	h.want(0, "rm", "waiting", "ended", "ran")
}

// TestRebootOfGroups checks that no error is logged about tasks whose root was removed automatically.
func TestRebootOfGroups(t *testing.T) {
	h := newHost(t)
	file := filepath.Join(t.TempDir(), "group.json")
	task := `{"image":"` + h.image + `","process":{"args":["sleep","100"]}}`
	group := `{"root":{"remove":true},"tasks":{"one":` + task + `,"two":` + task + `}}`
	if err := os.WriteFile(file, []byte(group), 0o600); err != nil {
		t.Fatal(err)
	}
	h.want(0, "run", "-q", "-d", "--name", "group", "--group", file)
	if err := os.WriteFile(filepath.Join(h.state, "boot_id"), []byte("another boot\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := h.want(0, "ps", "-aq"); r.stdout != "" || strings.Contains(r.stderr, "ERROR") {
		t.Errorf("after the boot: %q, said %q", r.stdout, r.stderr)
	}
}

// TestUnreadOutput checks that a container is killed when the reader of its output exits.
func TestUnreadOutput(t *testing.T) {
	h := newHost(t)
	cmd := h.command("run", "-q", "--rm", h.image, "yes")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	_ = out.Close()
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 128+int(syscall.SIGPIPE) {
		t.Errorf("exit code %d", code)
	}
}

// TestSmallestLimits starts a container with the smallest allowed limits.
func TestSmallestLimits(t *testing.T) {
	h := newHost(t)
	for range 20 {
		h.want(0, "run", "-q", "--rm", "-m", "6m", "--pids-limit", "16", h.image, "true")
	}
}
