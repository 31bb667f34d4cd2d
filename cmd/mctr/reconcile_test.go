package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/internal/failpoint"
	"github.com/mctr/mctr/internal/flock"
)

// TestReconcileLeavesOthersAlone creates things that look like those of mctr but are not.
func TestReconcileLeavesOthersAlone(t *testing.T) {
	h := newHost(t)
	h.want(0, "ps")
	id := strings.Repeat("ab", 32)
	group := plantGroup(t, "mctr-zzz/"+id)
	dir := filepath.Join(t.TempDir(), "containers", id, "bundle", "rootfs")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("mctr", dir, "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Errorf("the foreign mount: %v", err)
		}
	})
	shim := plantProcess(t, "mctr-shim")
	if out := h.want(0, "reconcile", "--dry-run").stdout + h.want(0, "reconcile").stdout; out != "" {
		t.Errorf("taken for leftovers: %s", out)
	}
	if _, err := os.Stat(group); err != nil {
		t.Errorf("the foreign group: %v", err)
	}
	if err := shim.Process.Signal(unix.Signal(0)); err != nil {
		t.Errorf("the foreign process: %v", err)
	}
}

func plantGroup(t *testing.T, name string) string {
	t.Helper()
	dir := cgroup.Dir("pids", name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = os.Remove(dir), os.Remove(filepath.Dir(dir)) })
	return dir
}

// plantProcess runs a sleep that ps shows as name.
func plantProcess(t *testing.T, name string) *exec.Cmd {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	data, err := os.ReadFile("/bin/busybox")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path)
	cmd.Args = []string{"sleep", "100"}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd
}

// TestReconcileUndoesWhatIsOurs creates traces of a container that no longer exists.
func TestReconcileUndoesWhatIsOurs(t *testing.T) {
	h := newHost(t)
	h.want(0, "ps")
	const id = "deadbeef"
	for _, dir := range []string{filepath.Join(h.state, "containers", id), filepath.Join(h.root, "containers", id)} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(h.root, "names", "ghost"), []byte("nobody"), 0o600); err != nil {
		t.Fatal(err)
	}
	rootfs := filepath.Join(h.state, "containers", id, "bundle", "rootfs")
	if err := os.MkdirAll(rootfs, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("mctr", rootfs, "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	found := h.want(0, "reconcile", "--dry-run").stdout
	for _, want := range []string{"abandoned", rootfs, "ghost"} {
		if !strings.Contains(found, want) {
			t.Errorf("%q is not found:\n%s", want, found)
		}
	}
	if _, err := os.Stat(rootfs); err != nil {
		t.Errorf("a dry run changed something: %v", err)
	}
	h.want(0, "reconcile")
	h.wantClean()
	if out := h.want(0, "reconcile").stdout; out != "" {
		t.Errorf("the second finds: %s", out)
	}
}

// TestShimKilled kills the supervisor of a detached container.
func TestShimKilled(t *testing.T) {
	h := newHost(t)
	h.want(0, "run", "-d", "-q", "--name", "job", h.image, "sleep", "100")
	h.killShim("job")
	h.eventually("it is lost", func() bool { return strings.Contains(h.want(0, "ps").stdout, "Lost") })
	h.want(0, "rm", "-f", "job")
}

// TestShimKilledUnderForeground checks that a foreground run notices at once that its shim was killed.
func TestShimKilledUnderForeground(t *testing.T) {
	h := newHost(t)
	cmd := h.command("run", "-q", "--name", "job", h.image, "sleep", "100")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	h.eventually("it runs", func() bool { return h.mctr("exec", "job", "true").code == 0 })
	killed := time.Now()
	h.killShim("job")
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 137 || time.Since(killed) > 5*time.Second {
		t.Errorf("exit code %d after %v", code, time.Since(killed))
	}
	h.want(0, "rm", "job")
}

func (h *host) killShim(ref string) {
	h.t.Helper()
	pid := strings.TrimSpace(h.want(0, "inspect", "-f", "{{.Mctr.ShimPid}}", ref).stdout)
	runTool(h.t, "kill", "-9", pid)
}

// TestReconcileRemovesEmptyGroups checks that the parent control groups are removed when there are no
// containers, but not while one is launched.
func TestReconcileRemovesEmptyGroups(t *testing.T) {
	h := newHost(t)
	prefix := h.groups()
	groups := func() []string { return append(cgroup.Dirs(prefix), cgroup.Dirs(prefix+"-shims")...) }
	h.want(0, "run", "-d", "-q", "--name", "job", h.image, "sleep", "100")
	if h.want(0, "reconcile"); len(cgroup.Dirs(prefix)) == 0 || len(cgroup.Dirs(prefix+"-shims")) == 0 {
		t.Errorf("%q are left of the groups of a running container", groups())
	}
	h.want(0, "exec", "job", "true")
	h.want(0, "rm", "-f", "job")
	h.wantClean()
	launch, err := flock.Shared(t.Context(), filepath.Join(h.state, "groups.lock"))
	if err != nil {
		t.Fatal(err)
	}
	if h.want(0, "reconcile"); len(groups()) == 0 {
		t.Error("the groups went beneath a launch")
	}
	launch.Unlock()
	if h.want(0, "reconcile"); len(groups()) > 0 {
		t.Errorf("left over: %q", groups())
	}
	h.want(0, "run", "--rm", "-q", h.image, "true")
}

// TestLaunchHoldsTheGroups checks that a launch holds the lock of the parent groups while an engine
// creates groups. The previous test takes that lock itself.
func TestLaunchHoldsTheGroups(t *testing.T) {
	h := newHost(t)
	h.env = []string{failpoint.Env + "=created=sleep:2s"}
	cmd := h.command("run", "--rm", "-q", h.image, "true")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	h.eventually("the lock is held", func() bool {
		lock, err := flock.TryExclusive(filepath.Join(h.state, "groups.lock"))
		if err == nil {
			lock.Unlock()
		}
		return errors.Is(err, flock.ErrHeld)
	})
	h.waitCode(cmd, 0)
}
