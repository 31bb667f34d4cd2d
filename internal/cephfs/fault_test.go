package cephfs_test

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/cephfs"
	"github.com/mctr/mctr/internal/cephfs/cephtest"
	"github.com/mctr/mctr/internal/helper"
)

// A writer is a process that makes files on a mount.
type writer struct{ *exec.Cmd }

func startWriter(t *testing.T, root string) writer {
	t.Helper()
	w := writer{exec.Command("sh", "-c", `while :; do n=$((n+1)); echo $n >$0.$n; done`, root+"/written")}
	must(t, w.Start())
	t.Cleanup(func() { _ = w.Process.Kill() })
	return w
}

// waitBlocked waits until the writer waits for the cluster, and kills it: then it is in uninterruptible
// sleep.
func (w writer) waitBlocked(t *testing.T) {
	t.Helper()
	w.eventually(t, "waits", func(stat, stack string) bool { return strings.Contains(stack, "request_wait_answer") })
	must(t, w.Process.Kill())
	w.eventually(t, "is in uninterruptible sleep", func(stat, _ string) bool { return strings.Contains(stat, ") D ") })
}

// eventually waits until a state of the writer has lasted for some time.
func (w writer) eventually(t *testing.T, what string, is func(stat, stack string) bool) {
	t.Helper()
	dir := "/proc/" + strconv.Itoa(w.Process.Pid)
	for deadline, times := time.Now().Add(30*time.Second), 0; times < 20; time.Sleep(10 * time.Millisecond) {
		stat, err := os.ReadFile(dir + "/stat")
		must(t, err)
		stack, err := os.ReadFile(dir + "/stack")
		must(t, err)
		if times++; !is(string(stat), string(stack)) {
			times = 0
		}
		if time.Now().After(deadline) {
			t.Fatalf("never: the writer %s: %s %s", what, stat, stack)
		}
	}
}

// TestMetadataServerDead: with a dead metadata server and a process that no signal ends, Wake and Release
// end, say what waited, and leave nothing. A new mount is refused in time.
func TestMetadataServerDead(t *testing.T) {
	c := cephtest.Start(t, cephtest.Memory)
	n := newNode(t)
	root := n.acquire(t, admin(c), "a")
	n.acquire(t, admin(c), "b")
	w := startWriter(t, root)
	c.Kill(cephtest.Metadata)
	w.waitBlocked(t)
	if err := n.Wake(t.Context(), "a"); err == nil || !strings.Contains(err.Error(), "other containers have it") ||
		!strings.Contains(err.Error(), "in state D") {
		t.Errorf("wake a, while b has the mount: %v", err)
	}
	n.release(t, "b")
	must(t, n.Wake(t.Context(), "a"))
	if err := w.Wait(); err == nil {
		t.Error("the writer was not killed")
	}
	if h, err := n.Probe(t.Context(), root); err != nil || h.State != cephfs.Dead {
		t.Errorf("after Wake: %v, %v", h, err)
	}
	_, err := n.Acquire(t.Context(), admin(c), holder("c"))
	if !errors.Is(err, helper.ErrHung) || !strings.Contains(err.Error(), c.Monitor) ||
		!strings.Contains(err.Error(), "client.admin") || !strings.Contains(err.Error(), "an earlier mount") {
		t.Errorf("a new mount: %v", err)
	}
	n.release(t, "a")
}

// TestUnmountForced: a mount that does not end gently ends by force, with an error that has the evidence,
// once.
func TestUnmountForced(t *testing.T) {
	daemons := []cephtest.Daemon{cephtest.Metadata}
	if long {
		daemons = append(daemons, cephtest.OSD, cephtest.Monitor)
	}
	for _, d := range daemons {
		t.Run(string(d), func(t *testing.T) {
			c := cephtest.Start(t, cephtest.Memory)
			n := newNode(t)
			root := n.acquire(t, admin(c), "a")
			must(t, os.WriteFile(root+"/dirty", make([]byte, 1<<20), 0o600))
			c.Kill(d)
			err := n.Release(t.Context(), "a")
			if d == cephtest.Metadata && !errors.Is(err, cephfs.ErrForced) {
				t.Errorf("got %v", err)
			}
			if err != nil && (!errors.Is(err, cephfs.ErrForced) || !strings.Contains(err.Error(), c.Monitor)) {
				t.Errorf("got %v", err)
			}
			n.release(t, "a")
		})
	}
}

// TestClientStopped: a ceph-fuse that is stopped hangs all that touch the mount. A probe ends, another
// container gets a mount of its own, and Release ends it.
func TestClientStopped(t *testing.T) {
	c := cephtest.Start(t, cephtest.Memory)
	n := newNode(t)
	root := n.acquire(t, admin(c), "a")
	must(t, unix.Kill(clientOf(t, root), unix.SIGSTOP))
	if h, err := n.Probe(t.Context(), root); err != nil || h.State != cephfs.Hung ||
		!strings.Contains(h.String(), "in state T") {
		t.Errorf("got %v, %v", h, err)
	}
	if other := n.acquire(t, admin(c), "b"); other == root {
		t.Error("b has the mount that hangs")
	}
	if err := n.Release(t.Context(), "a"); !errors.Is(err, cephfs.ErrForced) {
		t.Errorf("release: %v", err)
	}
	n.release(t, "b")
}
