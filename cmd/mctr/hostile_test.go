package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A lockedBuffer can be read by a test while a command writes to it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// together runs n commands at once and returns their results.
func (h *host) together(n int, args func(i int) []string) []result {
	h.t.Helper()
	results := make([]result, n)
	var group sync.WaitGroup
	for i := range n {
		cmd := h.command(args(i)...)
		group.Go(func() { results[i] = h.finish(cmd) })
	}
	group.Wait()
	return results
}

// TestOneNameManyTakers checks that only one of many containers gets a name.
func TestOneNameManyTakers(t *testing.T) {
	h := newHost(t)
	h.want(0, "pull", "-q", h.image)
	for round := range 20 {
		won := 0
		for _, r := range h.together(2, func(int) []string {
			return []string{"run", "-d", "-q", "--name", "one", h.image, "sleep", "100"}
		}) {
			switch {
			case r.code == 0:
				won++
			case r.code != 125 || !strings.Contains(r.stderr, "one"):
				t.Errorf("round %d: %+v", round, r)
			}
		}
		if won != 1 {
			t.Errorf("round %d: %d won", round, won)
		}
		h.want(0, "rm", "-f", "one")
	}
}

func TestManyAtOnce(t *testing.T) {
	h := newHost(t)
	for i, r := range h.together(32, func(i int) []string {
		return []string{"run", "--rm", "-q", "--name", fmt.Sprintf("c%d", i), h.image, "sh", "-c",
			fmt.Sprintf("echo %d; exit %d", i, i)}
	}) {
		if r.code != i || r.stdout != fmt.Sprintf("%d\n", i) {
			t.Errorf("container %d: %+v", i, r)
		}
	}
}

// TestRemoveWhileStarting removes a container at various moments of its launch. It is removed, or does
// not exist yet, and its client exits in both cases.
func TestRemoveWhileStarting(t *testing.T) {
	h := newHost(t)
	h.want(0, "pull", "-q", h.image)
	for round := range 15 {
		cmd := h.command("run", "-q", "--name", "early", h.image, "sleep", "100")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(round) * 8 * time.Millisecond)
		h.eventually("it is removed", func() bool { return h.mctr("rm", "-f", "early").code == 0 })
		_ = cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != 137 && code != 125 {
			t.Errorf("round %d: exit code %d", round, code)
		}
		h.wantClean()
	}
}

func TestStopTwiceAtOnce(t *testing.T) {
	h := newHost(t)
	h.want(0, "run", "-d", "-q", "--name", "job", h.image, "sh", "-c",
		"trap 'exit 3' TERM; while :; do sleep 0.02; done")
	for _, r := range h.together(4, func(int) []string { return []string{"stop", "-t", "5", "job"} }) {
		if r.code != 0 {
			t.Errorf("%+v", r)
		}
	}
	for _, r := range h.together(2, func(int) []string { return []string{"rm", "-f", "job"} }) {
		if r.code != 0 && !strings.Contains(r.stderr, "no such container") {
			t.Errorf("%+v", r)
		}
	}
}

// TestKilledAtRandom kills mctr at random moments, and checks that reconcile then removes everything.
func TestKilledAtRandom(t *testing.T) {
	h := newHost(t)
	h.want(0, "pull", "-q", h.image)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	limit := 20 * time.Second
	if os.Getenv("MCTR_LONG") != "" {
		limit = time.Minute
	}
	verbs := [][]string{
		{"run", "-q", "--name", "victim", h.image, "sh", "-c", "echo x; sleep 0.05"},
		{"run", "-q", "-d", "--rm", "--name", "victim", h.image, "true"},
		{"rm", "-f", "victim"}, {"stop", "-t", "0", "victim"}, {"reconcile"},
		{"create", "--name", "victim", h.image, "true"}, {"start", "victim"},
	}
	for begun := time.Now(); time.Since(begun) < limit; {
		cmd := h.command(verbs[random.IntN(len(verbs))]...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(random.IntN(120)) * time.Millisecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	for _, id := range strings.Fields(h.want(0, "ps", "-aq").stdout) {
		h.mctr("rm", "-f", id)
	}
	h.converges()
}

// TestMuchOutput rotates the log of much output, and accounts for every byte.
func TestMuchOutput(t *testing.T) {
	h := newHost(t)
	megabytes := 64
	if os.Getenv("MCTR_LONG") != "" {
		megabytes = 1024
	}
	id := strings.TrimSpace(h.want(0, "run", "-d", "-q", "--log-opt", "max-size=1m", "--log-opt", "max-file=3", h.image,
		"sh", "-c", fmt.Sprintf("yes 0123456789012345678901234567890 | head -c %d", megabytes<<20)).stdout)
	h.want(0, "wait", id)
	h.want(0, "logs", "--tail", "1", id)
	got := h.want(0, "inspect", "-f", "{{.Mctr.Termination.Log.Bytes}} {{.Mctr.Termination.Log.Dropped}}", id).stdout
	if want := strconv.Itoa(megabytes<<20) + " 0\n"; got != want {
		t.Errorf("bytes and dropped: %q, want %q", got, want)
	}
	var kept int64
	for _, file := range entries(filepath.Join(h.root, "containers", id, "logs")) {
		if info, err := os.Stat(file); err == nil {
			kept += info.Size()
		}
	}
	if kept > 3<<20+3<<16 || kept < 1<<20 {
		t.Errorf("%d bytes are kept of at most 3 MiB", kept)
	}
	h.want(0, "rm", id)
}

// TestStoppedClient checks that a client that does not read delays the output and loses none of it.
func TestStoppedClient(t *testing.T) {
	h := newHost(t)
	cmd, out := h.ready("run", "--rm", "-q", h.image, "sh", "-c", "echo ready; seq 1 200000; echo done")
	h.kill(cmd, unix.SIGSTOP)
	time.Sleep(300 * time.Millisecond)
	h.kill(cmd, unix.SIGCONT)
	h.waitCode(cmd, 0)
	if lines := strings.Count(out.String(), "\n"); lines != 200002 {
		t.Errorf("%d lines, want 200002", lines)
	}
}

// TestHostPidsLeaveNothing checks that background processes of a task with the host's PID namespace are
// killed.
func TestHostPidsLeaveNothing(t *testing.T) {
	h := newHost(t)
	h.want(5, "run", "-q", "--name", "job", "--pid", "host", h.image, "sh", "-c",
		"setsid sleep 101 & nohup sleep 102 >/dev/null 2>&1 & exit 5")
	h.want(0, "rm", "job")
}

func TestDeepMounts(t *testing.T) {
	h := newHost(t)
	args := []string{"run", "--rm", "-q"}
	path := ""
	for i := range 20 {
		path += fmt.Sprintf("/d%d", i)
		args = append(args, "--tmpfs", path+":size=64k")
	}
	args = append(args, h.image, "sh", "-c", "touch "+path+"/file && mount | grep -c ' on /d0'")
	if r := h.want(0, args...); strings.TrimSpace(r.stdout) != "20" {
		t.Errorf("mounts: %q", r.stdout)
	}
}

// TestStuckClient checks that the termination of a container and its whole log are recorded even if the
// client stops reading, and that the client learns how much it missed.
func TestStuckClient(t *testing.T) {
	h := newHost(t)
	cmd, _ := h.ready("run", "--name", "job", "-q", h.image, "sh", "-c", "echo ready; seq 1 200000; echo done")
	h.kill(cmd, unix.SIGSTOP)
	h.eventually("the end is recorded", func() bool {
		return strings.Contains(h.want(0, "inspect", "-f", "{{.State.Status}}", "job").stdout, "exited")
	})
	if lines := strings.Count(h.want(0, "logs", "job").stdout, "\n"); lines != 200002 {
		t.Errorf("%d lines in the log, want 200002", lines)
	}
	h.kill(cmd, unix.SIGCONT)
	h.waitCode(cmd, 0)
	h.want(0, "rm", "job")
}
