package cephfs_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cephfs"
	"github.com/mctr/mctr/internal/cephfs/cephtest"
	"github.com/mctr/mctr/internal/failpoint"
	"github.com/mctr/mctr/internal/helper"
	"github.com/mctr/mctr/internal/leakcheck"
)

// TestMain turns this binary into the helper when it is started as one, without environment variables,
// and into another process that works on mounts when it is given a job.
func TestMain(m *testing.M) {
	if len(os.Environ()) == 0 {
		if err := helper.Serve(os.NewFile(helper.FD, "job")); err != nil {
			os.Exit(1)
		}
		unix.Exit(0) // at once: the race detector would wait a second
	}
	if text := os.Getenv(jobEnv); text != "" {
		if err := perform(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			unix.Exit(1)
		}
		unix.Exit(0)
	}
	os.Exit(m.Run())
}

const jobEnv = "MCTR_CEPHFS_JOB"

// long runs the whole matrix of faults.
var long = os.Getenv("MCTR_LONG") != ""

// A job is one call in another process.
type job struct {
	State, Verb string
	Spec        cephfs.Spec
	ID          mctr.ContainerID
}

func perform(text string) error {
	var j job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		return err
	}
	m := cephfs.New(cephfs.Config{State: j.State, Helper: runner})
	if j.Verb == "release" {
		return m.Release(context.Background(), j.ID)
	}
	_, err := m.Acquire(context.Background(), j.Spec, cephfs.Holder{ID: j.ID})
	return err
}

// killAt runs the job and wants it killed at the point.
func (j job) killAt(t *testing.T, point string) {
	t.Helper()
	text, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{jobEnv + "=" + string(text), failpoint.Env + "=" + point + "=kill"}
	if out, err := cmd.CombinedOutput(); err == nil || cmd.ProcessState.ExitCode() != -1 {
		t.Fatalf("%s, to be killed at %s: %v: %s", j.Verb, point, err, out)
	}
}

var runner = &helper.Runner{Helper: "/proc/self/exe"}

// A node is the mounts of one STATE.
type node struct {
	*cephfs.Mounts
	state string
}

// newNode returns the mounts of a new STATE, with a path short enough for sockets, and wants everything
// gone at the end.
func newNode(t *testing.T) node {
	t.Helper()
	state, err := os.MkdirTemp("", "cf")
	if err != nil {
		t.Fatal(err)
	}
	leaks := leakcheck.Snapshot(t, leakcheck.Scope{Names: []string{state, "cephfs-test"},
		Kinds: []leakcheck.Kind{leakcheck.Mount, leakcheck.Cgroup}})
	n := node{cephfs.New(cephfs.Config{State: state, Helper: runner, MountTime: 2 * time.Second,
		FlushTime: 3 * time.Second}), state}
	t.Cleanup(func() {
		if t.Failed() {
			for _, id := range []mctr.ContainerID{"a", "b", "c"} {
				_ = n.Release(context.Background(), id) // what a test that failed has left
			}
		}
		leaks.Check()
		entries, err := os.ReadDir(state + "/cephfs")
		if err != nil && !os.IsNotExist(err) || len(entries) > 0 {
			t.Errorf("left: %v, %v", entries, err)
		}
		_ = os.Remove(state + "/cephfs") // never as a tree: it may be mounted
		if err := os.Remove(state); err != nil {
			t.Error(err)
		}
	})
	return n
}

func holder(id string) cephfs.Holder {
	return cephfs.Holder{ID: mctr.ContainerID(id), Group: "cephfs-test"}
}

func (n node) acquire(t *testing.T, s cephfs.Spec, id string) (root string) {
	t.Helper()
	root, err := n.Acquire(t.Context(), s, holder(id))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func (n node) release(t *testing.T, ids ...mctr.ContainerID) {
	t.Helper()
	for _, id := range ids {
		if err := n.Release(t.Context(), id); err != nil {
			t.Error(err)
		}
	}
}

// clientOf returns the pid of the ceph-fuse of a mount.
func clientOf(t *testing.T, root string) int {
	t.Helper()
	var r struct{ Fuse struct{ Pid int } }
	data, err := os.ReadFile(filepath.Join(filepath.Dir(root), "mount.json"))
	must(t, err, json.Unmarshal(data, &r))
	return r.Fuse.Pid
}

func admin(c *cephtest.Cluster) cephfs.Spec {
	return cephfs.Spec{Monitors: []string{c.Monitor}, Filesystem: cephtest.Filesystem, Path: "/", Client: "admin",
		KeyFile: c.KeyFile}
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}
