package cephfs_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cephfs"
	"github.com/mctr/mctr/internal/cephfs/cephtest"
	"github.com/mctr/mctr/internal/flock"
	"github.com/mctr/mctr/internal/helper"
)

// TestMounts runs what needs a healthy cluster, one cluster for all.
func TestMounts(t *testing.T) {
	c := cephtest.Start(t, cephtest.Memory)
	for name, test := range map[string]func(*testing.T, *cephtest.Cluster){
		"shared": testShared, "two nodes": testTwoNodes, "refused": testRefused, "killed": testKilled,
		"client killed": testClientKilled, "volume": testVolume, "snapshots": testSnapshots, "undo": testUndo,
	} {
		t.Run(name, func(t *testing.T) { test(t, c) })
	}
}

// testShared: containers that want the same have one mount, until the last releases it.
func testShared(t *testing.T, c *cephtest.Cluster) {
	n := newNode(t)
	a, b := n.acquire(t, admin(c), "a"), n.acquire(t, admin(c), "b")
	readOnly := admin(c)
	readOnly.ReadOnly = true
	if other := n.acquire(t, readOnly, "b"); a != b || other == a {
		t.Errorf("the mounts are %s, %s and, read-only, %s", a, b, other)
	} else if err := os.WriteFile(other+"/x", nil, 0o600); !errors.Is(err, unix.EROFS) {
		t.Errorf("write to a read-only one: %v", err)
	}
	if again := n.acquire(t, admin(c), "a"); again != a {
		t.Errorf("again: %s, want %s", again, a)
	}
	var st unix.Statfs_t
	must(t, unix.Statfs(a, &st))
	if want := int64(unix.ST_NOSUID | unix.ST_NODEV); st.Flags&want != want {
		t.Errorf("flags %#x, want nosuid and nodev", st.Flags)
	}
	n.release(t, "a", "a")
	if h, err := n.Probe(t.Context(), b); err != nil || h.State != cephfs.Healthy {
		t.Errorf("after the first release: %v, %v", h, err)
	}
	n.release(t, "b", "nobody")
	if _, err := n.Probe(t.Context(), b); !errors.Is(err, mctr.ErrNotFound) {
		t.Errorf("after the last release: %v", err)
	}
}

// testTwoNodes: two hosts see the same files and exclude each other by flock(2).
func testTwoNodes(t *testing.T, c *cephtest.Cluster) {
	n, m := newNode(t), newNode(t)
	a, b := n.acquire(t, admin(c), "a"), m.acquire(t, admin(c), "b")
	must(t, os.WriteFile(a+"/shared", []byte("from a"), 0o600))
	if data, err := os.ReadFile(b + "/shared"); err != nil || string(data) != "from a" {
		t.Errorf("b reads %q, %v", data, err)
	}
	l, err := flock.TryExclusive(a + "/lock")
	must(t, err)
	if _, err := flock.TryExclusive(b + "/lock"); !errors.Is(err, flock.ErrHeld) {
		t.Errorf("lock of b: %v", err)
	}
	l.Unlock()
	l, err = flock.Exclusive(t.Context(), b+"/lock")
	must(t, err)
	l.Unlock()
	must(t, os.Remove(a+"/lock"), os.Remove(a+"/shared"))
	n.release(t, "a")
	m.release(t, "b")
}

// testRefused: what the cluster refuses is an error that says what and why, and nothing stays.
func testRefused(t *testing.T, c *cephtest.Cluster) {
	n := newNode(t)
	tenant := admin(c)
	tenant.Client, tenant.KeyFile, tenant.Path = "tenant", c.Client("tenant", "/vol/a", "rw"), "/vol/a"
	n.acquire(t, tenant, "a")
	n.release(t, "a")
	secret, err := os.ReadFile(tenant.KeyFile)
	must(t, err)
	empty := filepath.Join(t.TempDir(), "empty")
	must(t, os.WriteFile(empty, []byte("\n"), 0o600))
	for name, test := range map[string]struct {
		change func(*cephfs.Spec)
		is     error
		says   string
	}{
		"another path":  {func(s *cephfs.Spec) { s.Path = "/vol" }, fs.ErrPermission, "does not permit this path"},
		"wrong key":     {func(s *cephfs.Spec) { s.KeyFile = c.KeyFile }, fs.ErrPermission, "do not accept the client"},
		"no key":        {func(s *cephfs.Spec) { s.KeyFile = "/none" }, fs.ErrNotExist, "/none"},
		"an empty key":  {func(s *cephfs.Spec) { s.KeyFile = empty }, mctr.ErrInvalid, empty},
		"no monitor":    {func(s *cephfs.Spec) { s.Monitors = []string{"127.0.0.1:9"} }, helper.ErrHung, "127.0.0.1:9"},
		"no filesystem": {func(s *cephfs.Spec) { s.Filesystem = "none" }, nil, "cephfs none:/vol/a"},
		"relative path": {func(s *cephfs.Spec) { s.Path = "vol" }, mctr.ErrInvalid, `path "vol"`},
		"no directory": {func(s *cephfs.Spec) { s.Client, s.KeyFile, s.Path = "admin", c.KeyFile, "/none" },
			fs.ErrNotExist, "/none"},
	} {
		s := tenant
		test.change(&s)
		_, err := n.Acquire(t.Context(), s, holder("a"))
		if err == nil || test.is != nil && !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		} else if !errors.Is(err, mctr.ErrInvalid) && !strings.Contains(err.Error(), s.String()) {
			t.Errorf("%s: it does not name %s: %v", name, s, err)
		}
		if err != nil && strings.Contains(err.Error(), strings.TrimSpace(string(secret))) {
			t.Errorf("%s: the error has the key", name)
		}
	}
}

// testKilled kills a process at each point; the clean-up of its container then finds everything.
func testKilled(t *testing.T, c *cephtest.Cluster) {
	n := newNode(t)
	for _, point := range []string{"cephfs/intent", "cephfs/started", "cephfs/mounted"} {
		job{State: n.state, Verb: "acquire", Spec: admin(c), ID: "a"}.killAt(t, point)
		wantLeftover(t, n, "a")
		n.release(t, "a")
		wantNoMounts(t, n)
	}
	for _, point := range []string{"cephfs/released", "cephfs/unmounted"} {
		n.acquire(t, admin(c), "a")
		job{State: n.state, Verb: "release", ID: "a"}.killAt(t, point)
		must(t, n.Undo(t.Context(), wantLeftover(t, n, "")))
		wantNoMounts(t, n)
	}
	job{State: n.state, Verb: "acquire", Spec: admin(c), ID: "a"}.killAt(t, "cephfs/started")
	root := n.acquire(t, admin(c), "b") // beside the half
	must(t, os.WriteFile(root+"/file", nil, 0o600), os.Remove(root+"/file"))
	n.release(t, "a", "b")
}

func wantLeftover(t *testing.T, n node, owner mctr.ContainerID) mctr.Leftover {
	t.Helper()
	found, err := n.Leftovers(func(mctr.ContainerID) bool { return false })
	if err != nil || len(found) != 1 || found[0].Owner != owner {
		t.Fatalf("left: %v, %v; want one mount of %q", found, err, owner)
	}
	return found[0]
}

func wantNoMounts(t *testing.T, n node) {
	t.Helper()
	entries, err := os.ReadDir(n.state + "/cephfs")
	if err != nil || len(entries) > 0 {
		t.Errorf("left: %v, %v", entries, err)
	}
}

// testClientKilled: a mount whose ceph-fuse was killed is dead, and stays with its container; another
// container gets a new one, without waiting for the session of the dead client.
func testClientKilled(t *testing.T, c *cephtest.Cluster) {
	n := newNode(t)
	root := n.acquire(t, admin(c), "a")
	f, err := os.Create(root + "/locked")
	must(t, err)
	_, err = f.WriteString("x")
	must(t, err, f.Sync(), unix.Flock(int(f.Fd()), unix.LOCK_EX))
	must(t, unix.Kill(clientOf(t, root), unix.SIGKILL))
	_ = f.Close()
	h, err := n.Probe(t.Context(), root)
	if err != nil || h.State != cephfs.Dead || !strings.Contains(h.String(), "has ended") {
		t.Errorf("the mount of a: %v, %v", h, err)
	}
	if look := n.Look("a"); look[root].State != cephfs.Dead || len(look) != 1 {
		t.Errorf("looked: %v", look)
	}
	second := n.acquire(t, admin(c), "b")
	if second == root {
		t.Fatal("the dead mount is used again")
	}
	l, err := flock.TryExclusive(second + "/locked")
	if err != nil {
		t.Errorf("the lock of the dead client: %v", err)
	}
	l.Unlock()
	n.release(t, "b", "a")
}

// testVolume: a driver makes directories and sets quotas, if the key permits it.
func testVolume(t *testing.T, c *cephtest.Cluster) {
	n := newNode(t)
	d := n.Driver()
	options := map[string]string{"mon": c.Monitor, "fs": cephtest.Filesystem, "client": "boss", "path": "/vol/b",
		"key-file": c.Client("boss", "/vol/b", "rwp"), "directory": "made/here", "create": "true",
		"quota-bytes": "5000000"}
	v := mctr.NamedVolume{Name: "v", Driver: "cephfs", Options: options}
	for range 2 {
		if _, err := d.Create(t.Context(), v); err != nil {
			t.Fatal(err)
		}
	}
	wantNoMounts(t, n)
	if u, err := d.Usage(t.Context(), v); u != nil || err != nil {
		t.Errorf("usage while it is not mounted: %+v, %v", u, err)
	}
	asked, err := cephfs.ParseVolume(options)
	must(t, err)
	root := n.acquire(t, asked.Spec, "a")
	file := root + "/made/here/file"
	err = exec.Command("dd", "if=/dev/zero", "of="+file, "bs=1M", "count=20", "conv=fsync").Run()
	if info, statErr := os.Stat(file); err == nil || statErr != nil || info.Size() > 15<<20 {
		t.Errorf("20 MiB below a quota of 5 MB: %v, %v, %v", err, info, statErr)
	}
	if u, err := d.Usage(t.Context(), v); err != nil || u == nil || u.Inodes < 1 {
		t.Errorf("usage: %+v, %v", u, err)
	}
	n.release(t, "a")
	options["client"], options["key-file"] = "plain", c.Client("plain", "/vol/b", "rw")
	if _, err := d.Create(t.Context(), v); !errors.Is(err, mctr.ErrUnsupported) ||
		!strings.Contains(err.Error(), "capability p") {
		t.Errorf("a quota without p: %v", err)
	}
	must(t, d.Remove(t.Context(), v))
}

func testSnapshots(t *testing.T, c *cephtest.Cluster) {
	n := newNode(t)
	root := n.acquire(t, admin(c), "a")
	must(t, n.MakeDirectory(t.Context(), root, "snap"), os.WriteFile(root+"/snap/file", []byte("old"), 0o600),
		n.MakeSnapshot(t.Context(), root, "snap", "first"), os.WriteFile(root+"/snap/file", []byte("new"), 0o600))
	names, err := n.Snapshots(t.Context(), root, "snap")
	if err != nil || len(names) != 1 || names[0] != "first" {
		t.Errorf("snapshots: %q, %v", names, err)
	}
	if data, err := os.ReadFile(root + "/snap/.snap/first/file"); err != nil || string(data) != "old" {
		t.Errorf("in the snapshot: %q, %v", data, err)
	}
	if err := n.MakeSnapshot(t.Context(), root, "snap", "../x"); !errors.Is(err, mctr.ErrInvalid) {
		t.Errorf("a name that is a path: %v", err)
	}
	must(t, n.RemoveSnapshot(t.Context(), root, "snap", "first"))
	n.release(t, "a")
}

// testUndo: Undo leaves a mount that a container has, and everything that is not a mount of cephfs.
func testUndo(t *testing.T, c *cephtest.Cluster) {
	n := newNode(t)
	root := n.acquire(t, admin(c), "a")
	must(t, n.Undo(t.Context(), mctr.Leftover{Kind: "mount", Object: root}))
	if h, err := n.Probe(t.Context(), root); err != nil || h.State != cephfs.Healthy {
		t.Errorf("after Undo: %v, %v", h, err)
	}
	for _, l := range []mctr.Leftover{{Kind: "mount", Object: "/elsewhere/x-1/root"},
		{Kind: "directory", Object: root}} {
		if err := n.Undo(t.Context(), l); !errors.Is(err, mctr.ErrUnsupported) {
			t.Errorf("%s: %v", l, err)
		}
	}
	n.release(t, "a")
}
