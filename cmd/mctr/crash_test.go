package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/isolators/builtin"
	"github.com/mctr/mctr/provisioner/imagetest"
)

// failpoints returns the checkpoints behind which a process is killed. With -short, for emulated
// processors, it returns one of each kind; without MCTR_LONG, it leaves out most of the isolators that
// only declare, behind which there is nothing to undo.
func failpoints() []string {
	if testing.Short() {
		return []string{"intent", "image", "prepare/docker/runtime", "shim", "created", "running", "exited", "destroy",
			"cleaned/docker/runtime", "released"}
	}
	all := store.Checkpoints(builtin.Table(builtin.Deps{}))
	if os.Getenv("MCTR_LONG") != "" {
		return all
	}
	return slices.DeleteFunc(all, func(point string) bool {
		_, isolator, of := strings.Cut(point, "/")
		declares := strings.HasPrefix(isolator, "cgroups/") || strings.HasPrefix(isolator, "namespaces/") ||
			strings.HasPrefix(isolator, "linux/") && isolator != "linux/nnp" || isolator == "posix/rlimits"
		return of && declares
	})
}

// TestKillAtEveryFailpoint kills mctr, or the shim, after every checkpoint, and checks that reconcile
// then finds and removes everything that is left.
func TestKillAtEveryFailpoint(t *testing.T) {
	h := newHost(t)
	h.want(0, "pull", "-q", h.image)
	for _, point := range failpoints() {
		t.Run(strings.ReplaceAll(point, "/", "_"), func(t *testing.T) {
			h := &host{t: t, root: h.root, state: h.state, image: h.image,
				env: []string{"MCTR_FAILPOINTS=" + point + "=kill"}}
			if r := h.mctr("run", "--name", "crash", h.image, "sh", "-c", "echo out"); r.code == 0 &&
				point != "exited" {
				t.Errorf("nothing was killed: %+v", r)
			}
			h.env = nil
			h.converges()
		})
	}
}

// TestKillDetachedAtEveryFailpoint is the same for a detached container, whose shim also runs the exit
// command.
func TestKillDetachedAtEveryFailpoint(t *testing.T) {
	h := newHost(t)
	h.want(0, "pull", "-q", h.image)
	for _, point := range failpoints() {
		t.Run(strings.ReplaceAll(point, "/", "_"), func(t *testing.T) {
			h := &host{t: t, root: h.root, state: h.state, image: h.image,
				env: []string{"MCTR_FAILPOINTS=" + point + "=kill"}}
			h.mctr("run", "-d", "--rm", "--name", "crash", h.image, "true")
			h.env = nil
			h.converges()
		})
	}
}

// TestDetachedUnstarted checks that a container is removed automatically if its launcher died before the
// start: it never ran, and its name is free.
func TestDetachedUnstarted(t *testing.T) {
	h := newHost(t)
	h.want(0, "pull", "-q", h.image)
	h.env = []string{"MCTR_FAILPOINTS=isolated=kill"}
	h.mctr("run", "-d", "--name", "crash", h.image, "true")
	h.env = nil
	h.eventually("nothing is left of it", func() bool { return h.want(0, "ps", "-a", "-q").stdout == "" })
	h.want(0, "run", "--rm", "--name", "crash", h.image, "true")
	h.wantClean()
}

// converges checks that reconcile leaves only exited containers that can be removed, that a second
// reconcile finds nothing, and that the name is free.
func (h *host) converges() {
	h.t.Helper()
	h.eventually("the container has ended", func() bool {
		return h.want(0, "ps", "-a", "--filter", "status=running", "-q").stdout == ""
	})
	h.eventually("reconcile finds nothing", func() bool {
		h.want(0, "reconcile")
		return h.want(0, "reconcile", "--dry-run").stdout == ""
	})
	h.want(0, "rm", "--all")
	h.wantClean()
	if r := h.want(3, "run", "--rm", "--name", "crash", h.image, "sh", "-c",
		"echo again; exit 3"); r.stdout != "again\n" {
		h.t.Errorf("the next run printed %q", r.stdout)
	}
	h.wantClean()
}

// TestErrorAtEveryFailpoint makes every step of a launch fail, and checks that the exit code is 125, an
// error is printed, and nothing is left, without a reconcile.
func TestErrorAtEveryFailpoint(t *testing.T) {
	h := newHost(t)
	h.want(0, "pull", "-q", h.image)
	for _, point := range failpoints() {
		if point == "exited" || point == "destroy" || point == "ended" || point == "released" || point == "kept" ||
			strings.HasPrefix(point, "cleaned/") {
			continue // not part of the launch
		}
		t.Run(strings.ReplaceAll(point, "/", "_"), func(t *testing.T) {
			h := &host{t: t, root: h.root, state: h.state, image: h.image,
				env: []string{"MCTR_FAILPOINTS=" + point + "=error"}}
			r := h.want(125, "run", "--name", "crash", h.image, "true")
			if !strings.Contains(r.stderr, "injected failure") {
				t.Errorf("the error does not say what failed: %s", r.stderr)
			}
			h.wantClean()
		})
	}
}

// TestFullDiskAtEveryFailpoint fills the filesystem of ROOT and STATE after every checkpoint. The run
// may fail, but once there is space again, reconcile must be able to undo everything.
func TestFullDiskAtEveryFailpoint(t *testing.T) {
	dir := t.TempDir()
	image := imagetest.Busybox(t, dir)
	small := filepath.Join(dir, "small")
	mountLoop(t, dir, small)
	for _, point := range failpoints() {
		t.Run(strings.ReplaceAll(point, "/", "_"), func(t *testing.T) {
			h := newHostIn(t, filepath.Join(small, "root"), filepath.Join(small, "state"), image)
			h.want(0, "pull", "-q", image)
			h.env = []string{"MCTR_FAILPOINTS=" + point + "=fill:" + small}
			r := h.mctr("run", "--name", "crash", image, "sh", "-c", "echo out")
			if r.code != 0 && r.code != 125 {
				t.Errorf("exit code %d: %s", r.code, r.stderr)
			}
			if r.code == 125 && !strings.Contains(r.stderr, "no space left on device") {
				t.Errorf("the error does not say that the disk is full: %s", r.stderr)
			}
			h.empty(small)
			h.converges()
		})
	}
}

// TestEndOnFullDisk checks that the exit code of a container is recorded even if ROOT and STATE have no
// space when it exits, and that no wrong status is reported before.
func TestEndOnFullDisk(t *testing.T) {
	dir := t.TempDir()
	image := imagetest.Busybox(t, dir)
	for name, mount := range map[string]func(at string){
		"ext4":  func(at string) { mountLoop(t, dir, at) },
		"tmpfs": func(at string) { mountTmpfs(t, at) },
	} {
		t.Run(name, func(t *testing.T) {
			small := filepath.Join(dir, name)
			mount(small)
			h := newHostIn(t, filepath.Join(small, "root"), filepath.Join(small, "state"), image)
			h.want(0, "run", "-d", "--name", "job", "--health-keep", "--health-retries", "1", "--health-interval",
				"20ms", "--health-cmd", "test ! -e /dev/shm/sick", image, "sh", "-c",
				"until [ -e /dev/shm/go ]; do sleep 0.05; done; exit 7")
			h.want(0, "wait", "--condition", "healthy", "job")
			fill(t, filepath.Join(small, ".filler"))
			h.want(0, "exec", "job", "touch", "/dev/shm/sick")
			h.eventually("it is not called healthy", func() bool {
				return h.want(0, "inspect", "-f", "{{.State.Health.Status}}", "job").stdout != "healthy\n"
			})
			h.want(0, "exec", "job", "touch", "/dev/shm/go")
			if got := h.want(0, "wait", "job").stdout; got != "7\n" {
				t.Errorf("wait: %s", got)
			}
			h.empty(small)
			h.want(0, "reconcile")
			if got := h.want(0, "inspect", "-f", "{{.State.ExitCode}} {{.State.Reason}}",
				"job").stdout; got != "7 EXITED\n" {
				t.Errorf("it ended: %s", got)
			}
			h.want(0, "rm", "job")
			h.wantClean()
		})
	}
}

// TestReadOnly makes STATE or ROOT read-only. Commands that write must fail with a clear error and leave
// nothing, and commands that only read must work.
func TestReadOnly(t *testing.T) {
	for name, mount := range map[string]func(h *host) string{
		"state": func(h *host) string { return h.state }, // STATE is already a mount
		"root":  func(h *host) string { runTool(t, "mount", "--bind", h.root, h.root); return h.root },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			h.want(4, "run", "-q", "--name", "done", h.image, "sh", "-c", "echo said; exit 4")
			at := mount(h)
			runTool(t, "mount", "-o", "remount,bind,ro", at)
			writable := sync.OnceFunc(func() { runTool(t, "mount", "-o", "remount,bind,rw", at) })
			defer writable()
			for _, c := range []struct {
				code int
				args []string
			}{
				{125, []string{"run", "--rm", h.image, "true"}},
				{125, []string{"run", "-d", "--name", "other", h.image, "true"}},
				{125, []string{"create", "--name", "other", h.image, "true"}},
				{1, []string{"start", "done"}}, {1, []string{"rename", "done", "other"}}, {1, []string{"rm", "done"}},
			} {
				if r := h.want(c.code, c.args...); !strings.Contains(r.stderr, "read-only file system") {
					t.Errorf("%v: %s", c.args, r.stderr)
				}
			}
			if got := h.want(0, "logs", "done").stdout; got != "said\n" {
				t.Errorf("its log: %s", got)
			}
			h.want(0, "explain", "done")
			writable()
			if got := h.want(0, "ps", "-a", "--format", "{{.Names}} {{.State}}").stdout; got != "done exited\n" {
				t.Errorf("containers: %s", got)
			}
			h.want(0, "rm", "done")
			if name == "root" {
				runTool(t, "umount", at)
			}
			h.wantClean()
		})
	}
}

// fill uses all free space.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
}

func mountTmpfs(t *testing.T, at string) {
	t.Helper()
	runTool(t, "mkdir", at)
	runTool(t, "mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", at)
	t.Cleanup(func() {
		if err := unix.Unmount(at, 0); err != nil {
			t.Errorf("unmount %s: %v", at, err)
			_ = unix.Unmount(at, unix.MNT_DETACH)
		}
	})
}

// empty frees the space again, after all processes that could fill it at a checkpoint, such as exit
// commands, have exited.
func (h *host) empty(small string) {
	h.t.Helper()
	h.env = nil
	h.eventually("nobody fills the disk", func() bool {
		environments, _ := filepath.Glob("/proc/[0-9]*/environ")
		return !slices.ContainsFunc(environments, func(path string) bool {
			environment, _ := os.ReadFile(path)
			return bytes.Contains(environment, []byte("=fill:"+small))
		})
	})
	if err := os.Remove(filepath.Join(small, ".filler")); err != nil {
		h.t.Fatal(err)
	}
	runTool(h.t, "sync", "-f", small) // ext4 reuses freed blocks only after a commit
}

// mountLoop mounts a small ext4 on a loop device.
func mountLoop(t *testing.T, dir, at string) {
	t.Helper()
	file := filepath.Join(dir, "disk")
	for _, c := range [][]string{{"truncate", "-s", "32M", file},
		{"mke2fs", "-q", "-F", "-t", "ext4", "-N", "4096", file}, {"mkdir", at}, {"mount", "-o", "loop", file, at}} {
		runTool(t, c...)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(at, 0); err != nil {
			t.Errorf("unmount %s: %v", at, err)
			_ = unix.Unmount(at, unix.MNT_DETACH)
		}
	})
}

func runTool(t *testing.T, argv ...string) {
	t.Helper()
	cmd := execCommand(context.Background(), argv...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, out)
	}
}
