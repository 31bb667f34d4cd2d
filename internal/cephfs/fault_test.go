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

// TestFaults kills each daemon, and the client, before a mount, while a process writes, and before the
// unmount. Each call ends, its error has the evidence, and nothing is left.
func TestFaults(t *testing.T) {
	for _, victim := range []cephtest.Daemon{cephtest.Metadata, cephtest.OSD, cephtest.Monitor, "client"} {
		for moment, test := range map[string]func(*testing.T, *cephtest.Cluster, node, func(root string)){
			"before the mount": beforeMount, "while it writes": whileWriting, "before the unmount": beforeUnmount,
		} {
			if !long && (victim != cephtest.Metadata || moment != "before the unmount") {
				continue
			}
			t.Run(string(victim)+" "+moment, func(t *testing.T) {
				c := cephtest.Start(t, cephtest.Memory)
				test(t, c, newNode(t), func(root string) {
					if victim != "client" {
						c.Kill(victim)
					} else if root != "" {
						must(t, unix.Kill(clientOf(t, root), unix.SIGKILL))
					}
				})
			})
		}
	}
}

func beforeMount(t *testing.T, c *cephtest.Cluster, n node, kill func(string)) {
	kill("")
	if _, err := n.Acquire(t.Context(), admin(c), holder("a")); err != nil &&
		(!errors.Is(err, helper.ErrHung) || !strings.Contains(err.Error(), c.Monitor)) {
		t.Errorf("acquire: %v", err)
	}
	releaseInTwo(t, c, n)
}

func whileWriting(t *testing.T, c *cephtest.Cluster, n node, kill func(string)) {
	root := n.acquire(t, admin(c), "a")
	w := startWriter(t, root)
	for {
		if _, err := os.Stat(root + "/written.10"); err == nil {
			break
		}
	}
	kill(root)
	time.Sleep(time.Second) // what the writer does meanwhile differs, and may be nothing
	must(t, w.Process.Kill(), n.Wake(t.Context(), "a"))
	releaseInTwo(t, c, n)
	if err := w.Wait(); err == nil {
		t.Error("the writer was not killed")
	}
}

func beforeUnmount(t *testing.T, c *cephtest.Cluster, n node, kill func(string)) {
	root := n.acquire(t, admin(c), "a")
	must(t, os.WriteFile(root+"/dirty", make([]byte, 1<<20), 0o600))
	kill(root)
	releaseInTwo(t, c, n)
}

// releaseInTwo wants the first Release to succeed, or to have forced the unmount, and the second to succeed.
func releaseInTwo(t *testing.T, c *cephtest.Cluster, n node) {
	t.Helper()
	err := n.Release(t.Context(), "a")
	if err != nil && (!errors.Is(err, cephfs.ErrForced) || !strings.Contains(err.Error(), c.Monitor)) {
		t.Errorf("release: %v", err)
	}
	n.release(t, "a")
}

// TestClientStopped: a ceph-fuse that is stopped hangs all that touch the mount. A probe ends, another
// container gets a mount of its own, and Release ends it.
func TestClientStopped(t *testing.T) {
	if !long {
		t.Skip("it takes long (MCTR_LONG=1)")
	}
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
