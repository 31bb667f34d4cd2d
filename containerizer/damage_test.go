package containerizer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/internal/failpoint"
	"github.com/mctr/mctr/internal/testprogram"
	"github.com/mctr/mctr/isolators/builtin"
	"github.com/mctr/mctr/logs"
	"github.com/mctr/mctr/provisioner"
)

// wipe deletes what is in a directory, as rm -rf DIR/* does: mount points stay.
func wipe(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		_ = os.RemoveAll(filepath.Join(dir, e.Name())) // EBUSY
	}
}

// TestDeletedBelowState wants what is deleted below STATE while a container runs to be the
// container's no less afterwards: of an image's files and of what it wrote, and the host's
// own where it has no image.
func TestDeletedBelowState(t *testing.T) {
	a := newAgent(t)
	a.launch("image", "sh", "-c", "echo kept >/file; sleep 1000")
	without := a.config("sleep", "1000")
	without.Image = ""
	if _, err := a.Launch(t.Context(), "host", without, containerizer.LaunchOptions{}); err != nil {
		t.Fatal(err)
	}
	mounts, err := mountinfo.GetMounts(mountinfo.PrefixFilter(a.state))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mounts {
		if strings.Contains(m.Mountpoint, "/host/") {
			t.Fatalf("the host's filesystem has a place at %s", m.Mountpoint) // which the next lines would delete
		}
	}
	running, err := a.Status(t.Context(), "image")
	if err != nil {
		t.Fatal(err)
	}
	wipe(t, a.state)
	for path, want := range map[string]string{"file": "kept", "etc/passwd": "root:", "bin/busybox": "ELF"} {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/root/%s", running.Pid, path))
		if err != nil || !strings.Contains(string(data), want) {
			t.Errorf("%s after rm -rf: %.20q, %v", path, data, err)
		}
	}
	a.remove("image", "host")
}

// cover mounts an empty tmpfs over a directory.
func cover(t *testing.T, dir string) {
	t.Helper()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=711"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) }) // what the test is to undo, if it fails before
}

// TestStateLost loses STATE while containers of two owners run. Nobody who comes then
// takes them for launches that were cut off; they are reached again, and end as ever.
func TestStateLost(t *testing.T) {
	for name, lose := range map[string]func(*testing.T, string){"deleted": wipe, "hidden": cover} {
		t.Run(name, func(t *testing.T) {
			a := newAgent(t)
			other, err := a.tryOpen(containerizer.WithOwner("another"))
			if err != nil {
				t.Fatal(err)
			}
			defer other.Close()
			const script = "trap 'echo asked; exit 3' TERM; echo started; echo kept >/mnt/mesos/sandbox/file; while " +
				":; do sleep 0.05; done"
			a.launch("mine", "sh", "-c", script)
			if _, err := other.Launch(t.Context(), "theirs", a.config("sh", "-c", script),
				containerizer.LaunchOptions{}); err != nil {
				t.Fatal(err)
			}
			a.eventually("it has begun", func() bool {
				return a.logged("mine", "started") && a.logged("theirs", "started")
			})
			if err := a.Close(); err != nil {
				t.Fatal(err)
			}
			lose(t, a.state)

			next := a.open()
			defer next.Close()
			found, err := next.Recover(t.Context())
			if err != nil || len(found.Undone) > 0 || len(found.Ended) > 0 || !slices.Contains(found.Adopted, "mine") {
				t.Fatalf("recovered %+v, %v", found, err)
			}
			if left, err := next.Reconcile(t.Context()); err != nil {
				t.Errorf("reconcile: %+v, %v", left, err)
			}
			for _, id := range []mctr.ContainerID{"mine", "theirs"} {
				if name == "deleted" {
					break // with all files of the root filesystem, which is mounted in STATE
				}
				stream, err := next.Exec(t.Context(), id, containerizer.Exec{Args: []string{"true"}})
				if err != nil {
					t.Errorf("exec in %s: %v", id, err)
					continue
				}
				if end, err := stream.Copy(t.Context(), io.Discard, io.Discard, nil); err != nil || end.ExitCode != 0 {
					t.Errorf("exec in %s: %+v, %v", id, end, err)
				}
				_ = stream.Close()
			}
			for _, id := range []mctr.ContainerID{"mine", "theirs"} {
				end, err := next.Stop(t.Context(), id, mctr.StopOptions{Timeout: new(10 * time.Second)})
				if err != nil || end.ExitCode != 3 {
					t.Errorf("%s ended with %+v, %v", id, end, err)
				}
				if !a.logged(id, "asked") {
					t.Errorf("the log of %s is not whole", id)
				}
				if data, err := os.ReadFile(
					filepath.Join(a.root, "containers", string(id), "sandbox/file")); err != nil ||
					string(data) != "kept\n" {
					t.Errorf("the sandbox of %s: %q, %v", id, data, err)
				}
			}
			a.Containerizer = next
			a.eventually("they are released", func() bool {
				return errors.Join(next.Cleanup(t.Context(), "mine"), next.Cleanup(t.Context(), "theirs")) == nil
			})
			a.remove("mine", "theirs")
			if name == "hidden" { // what was below comes to light again
				if err := unix.Unmount(a.state, unix.MNT_DETACH); err != nil {
					t.Fatal(err)
				}
				if left, err := next.Reconcile(t.Context()); err != nil {
					t.Errorf("reconcile: %+v, %v", left, err)
				}
			}
		})
	}
}

// logged reports whether the container's log has a line.
func (a *agent) logged(id mctr.ContainerID, line string) (found bool) {
	err := a.Logs(a.t.Context(), id, logs.ReadOptions{Tail: -1}, func(e logs.Entry) error {
		found = found || strings.Contains(string(e.Text), line)
		return nil
	})
	return err == nil && found
}

// TestStateLostAtWork has the agent itself go on when STATE or ROOT is deleted below it.
func TestStateLostAtWork(t *testing.T) {
	a := newAgent(t)
	a.launch("before", "sleep", "100")
	wipe(t, a.state)
	s, err := a.Status(t.Context(), "before")
	if err != nil || s.Phase != mctr.Damaged && s.Phase != mctr.Running {
		t.Fatalf("%+v, %v", s, err)
	}
	if err := a.Remove(t.Context(), "before", false); !errors.Is(err, mctr.ErrState) {
		t.Errorf("removed without force: %v", err)
	}
	a.launch("after", "sleep", "100")
	for _, id := range []mctr.ContainerID{"before", "after"} {
		if _, err := a.Destroy(t.Context(), id); err != nil {
			t.Errorf("destroy %s: %v", id, err)
		}
	}
	a.remove("before", "after")
}

// TestDamagedIsToldAndEnds destroys a container whose shim cannot make its directory
// again.
func TestDamagedIsToldAndEnds(t *testing.T) {
	a := newAgent(t)
	a.launch("job", "sleep", "100")
	s, err := a.Status(t.Context(), "job")
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(s.ShimPid, unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	wipe(t, a.state)
	if s, err = a.Status(t.Context(), "job"); err != nil || s.Phase != mctr.Damaged ||
		!strings.Contains(s.Damage, a.state) {
		t.Errorf("status %+v, %v", s, err)
	}
	if err := a.Condition(); !errors.Is(err, mctr.ErrUnavailable) ||
		!strings.Contains(err.Error(), "container job is damaged") {
		t.Errorf("condition: %v", err)
	}
	if _, err := a.Reconcile(t.Context()); err != nil {
		t.Error("reconcile:", err)
	}
	if s, err = a.Status(t.Context(), "job"); err != nil || s.Phase != mctr.Damaged {
		t.Errorf("after reconcile: %+v, %v", s, err)
	}
	if end, err := a.Destroy(t.Context(), "job"); err != nil || end.Signal != int(unix.SIGKILL) {
		t.Errorf("ended %+v, %v", end, err)
	}
	a.remove("job")
}

// TestOneRootTwoStates refuses a second STATE for a ROOT, and a second ROOT for a STATE,
// while containers run under the first, and takes it when they have ended.
func TestOneRootTwoStates(t *testing.T) {
	a := newAgent(t)
	a.launch("job", "sleep", "100")
	other := filepath.Join(t.TempDir(), "other")
	open := func(root, state string) (*containerizer.Containerizer, error) {
		images, err := provisioner.New(root)
		if err != nil {
			t.Fatal(err)
		}
		return containerizer.New(t.Context(), containerizer.WithDirs(root, state), containerizer.WithImages(images),
			containerizer.WithIsolators(
				builtin.Table(builtin.Deps{
					Root: root, State: state, Helper: testprogram.Find(t, "mctr-helper"),
					Networks: withoutPlugins(root, state)})),
			containerizer.WithShim(testprogram.Find(t, "mctr-shim")))
	}
	for what, dirs := range map[string][3]string{"another STATE": {a.root, other, "use state " + a.state},
		"another ROOT": {filepath.Join(t.TempDir(), "root"), a.state, "use root " + a.root}} {
		if c, err := open(dirs[0], dirs[1]); !errors.Is(err, mctr.ErrState) ||
			!strings.Contains(err.Error(), dirs[2]) {
			t.Errorf("%s: %v", what, err)
			if err == nil {
				_ = c.Close()
			}
		}
	}
	if s, err := a.Status(t.Context(), "job"); err != nil || s.Phase != mctr.Running {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := a.Destroy(t.Context(), "job"); err != nil {
		t.Fatal(err)
	}
	moved, err := open(a.root, other)
	if err != nil {
		t.Fatal("with all at rest:", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(other, unix.MNT_DETACH) })
	if s, err := moved.Status(t.Context(), "job"); err != nil || s.Phase != mctr.Exited {
		t.Errorf("after the move: %+v, %v", s, err)
	}
	if err := errors.Join(moved.Remove(t.Context(), "job", false), moved.Close()); err != nil {
		t.Error(err)
	}
}

// TestRootLost loses ROOT while containers run: new ones can be launched, the old ones
// show as damaged and can be removed with all that they hold.
func TestRootLost(t *testing.T) {
	a := newAgent(t)
	a.launch("old", "sleep", "100")
	wipe(t, a.root)
	if err := os.MkdirAll(filepath.Join(a.root, "images"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := a.Condition(); !errors.Is(err, mctr.ErrUnavailable) {
		t.Errorf("condition: %v", err)
	}
	next := a.open() // whose images are set up anew, too
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	a.Containerizer = next
	if _, err := a.Recover(t.Context()); err != nil {
		t.Error("recover:", err)
	}
	if _, err := a.Reconcile(t.Context()); err != nil {
		t.Error("reconcile:", err)
	}
	a.launch("new", "sleep", "100")
	ids, err := a.Containers()
	slices.Sort(ids)
	if err != nil || !slices.Equal(ids, []mctr.ContainerID{"new", "old"}) {
		t.Errorf("containers %v, %v", ids, err)
	}
	if s, err := a.Status(t.Context(), "old"); err != nil || s.Phase != mctr.Damaged || s.Config == nil {
		t.Errorf("old: %+v, %v", s, err)
	}
	if id, err := a.Resolve("old"); err != nil || id != "old" {
		t.Errorf("resolved to %q, %v", id, err)
	}
	end, err := a.Stop(t.Context(), "old", mctr.StopOptions{Timeout: new(100 * time.Millisecond)})
	if err != nil || end == nil {
		t.Errorf("stop: %+v, %v", end, err)
	}
	if err := a.Remove(t.Context(), "old", true); err != nil && !errors.Is(err, mctr.ErrNotFound) {
		t.Error("remove:", err)
	}
	a.remove("new")
}

// TestUnreadableRecord spoils each record of one container, running and ended: the
// others show, this one does as damaged or as it is, and it can be removed.
func TestUnreadableRecord(t *testing.T) {
	a := newAgent(t)
	a.launch("sound", "sleep", "100")
	spoilt := map[string]func(string) error{
		"garbage":     func(path string) error { return os.WriteFile(path, []byte("\x00garbage"), 0o600) },
		"empty":       func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"a directory": func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
	}
	for how, spoil := range spoilt {
		for _, ended := range []bool{false, true} {
			for _, record := range []string{"root/config.json", "root/state.json", "root/resolved.json",
				"root/exit.json", "root/journal", "state/journal", "state/created.json"} {
				a.launch("job", "sleep", "100")
				if ended {
					if _, err := a.Destroy(t.Context(), "job"); err != nil {
						t.Fatal(err)
					}
				}
				dir, name, _ := strings.Cut(record, "/")
				path := filepath.Join(map[string]string{"root": a.root, "state": a.state}[dir], "containers/job", name)
				if _, err := os.Lstat(path); err == nil {
					if err := spoil(path); err != nil {
						t.Fatal(err)
					}
				}
				for _, id := range []mctr.ContainerID{"sound", "job"} {
					if s, err := a.Status(t.Context(), id); err != nil || s.Config == nil ||
						id == "sound" && s.Phase != mctr.Running {
						t.Errorf("%s %s, ended %t: %s is %+v, %v", how, record, ended, id, s, err)
					}
				}
				bounded, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				if err := a.Remove(bounded, "job", true); err != nil {
					t.Errorf("%s %s, ended %t: %v", how, record, ended, err)
				}
				cancel()
				if _, err := os.Lstat(filepath.Join(a.root, "containers/job")); !errors.Is(err, fs.ErrNotExist) {
					t.Fatalf("%s %s, ended %t: its directory stays: %v", how, record, ended, err)
				}
			}
		}
	}
	a.remove("sound")
}

// TestShimDoesNotAnswer adopts a container whose supervisor is stopped when the agent
// restarts, and serves it again when the supervisor goes on.
func TestShimDoesNotAnswer(t *testing.T) {
	a := newAgent(t)
	a.launch("slow", "sleep", "100")
	a.launch("sound", "sleep", "100")
	s, err := a.Status(t.Context(), "slow")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(unix.Kill(s.ShimPid, unix.SIGSTOP), a.Close()); err != nil {
		t.Fatal(err)
	}
	a.Containerizer = a.open()
	start := time.Now()
	found, err := a.Recover(t.Context())
	if err != nil || !slices.Equal(found.Unanswered, []mctr.ContainerID{"slow"}) ||
		!slices.Equal(found.Adopted, []mctr.ContainerID{"sound"}) {
		t.Errorf("recovered %+v, %v", found, err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("Recover waited %v for it", took)
	}
	if _, err := a.Reconcile(t.Context()); err != nil {
		t.Error(err)
	}
	if s, err := a.Status(t.Context(), "slow"); err != nil || s.Phase != mctr.Running {
		t.Errorf("%+v, %v", s, err)
	}
	if err := unix.Kill(s.ShimPid, unix.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if err := a.Kill(t.Context(), "slow", unix.SIGKILL); err != nil {
		t.Error(err)
	}
	end, err := a.Wait(t.Context(), "slow")
	if err != nil || end.Signal != int(unix.SIGKILL) || end.Reason == mctr.ReasonShimLost {
		t.Errorf("ended %+v, %v", end, err)
	}
	a.eventually("the agent releases it", func() bool {
		s, err := a.Status(t.Context(), "slow")
		return err == nil && s.Cleaned
	})
	a.remove("slow", "sound")
}

// TestUnansweredReplaced has an agent wait for a supervisor that does not answer, while
// others end that one and launch a container of the same id, which the agent is to leave
// alone: also where it looks before the new supervisor is there.
func TestUnansweredReplaced(t *testing.T) {
	a := newAgent(t)
	a.launch("job", "sleep", "100")
	s, err := a.Status(t.Context(), "job")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(unix.Kill(s.ShimPid, unix.SIGSTOP), a.Close()); err != nil {
		t.Fatal(err)
	}
	a.Containerizer = a.open()
	if found := a.recover(); !slices.Equal(found.Unanswered, []mctr.ContainerID{"job"}) {
		t.Fatalf("recovered %+v", found)
	}
	other := a.open()
	defer other.Close() // it watches nothing
	if err := errors.Join(unix.Kill(s.ShimPid, unix.SIGKILL), other.Remove(t.Context(), "job", true)); err != nil {
		t.Fatal(err)
	}
	a.dies("sleep 100", failpoint.Env+"=image=sleep:2s")
	time.Sleep(200 * time.Millisecond) // as long as ending it would take
	if s, err := a.Status(t.Context(), "job"); err != nil || s.Phase != mctr.Running {
		t.Errorf("%+v, %v", s, err)
	}
	a.remove("job")
}

// TestDamagedState wants a state that cannot be read to destroy nothing: not a group that
// runs, nor a container that has exited and whose next start fails. Both can be stopped, and
// removed by force.
func TestDamagedState(t *testing.T) {
	a := newAgent(t)
	if err := a.LaunchGroup(t.Context(), "pod", a.group(map[string]string{"a": "sleep 100"}),
		containerizer.LaunchOptions{}); err != nil {
		t.Fatal(err)
	}
	a.launch("job", "sh", "-c", "echo kept >/mnt/mesos/sandbox/file")
	if _, err := a.Wait(t.Context(), "job"); err != nil {
		t.Fatal(err)
	}
	spoil := func(id mctr.ContainerID) {
		if err := os.WriteFile(filepath.Join(a.records(id).Dir(), "state.json"), []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	spoil("pod")
	spoil("job")
	if _, err := a.Start(t.Context(), "job", containerizer.LaunchOptions{}); err == nil {
		t.Error("a container without a state was started")
	}
	_, _ = a.Reconcile(t.Context()) // it may complain
	if found, err := a.Recover(t.Context()); len(found.Undone) > 0 {
		t.Errorf("recovered %+v, %v", found, err)
	}
	if s, err := a.Status(t.Context(), "pod"); err != nil || s.Phase != mctr.Running {
		t.Errorf("pod: %+v, %v", s, err)
	}
	if data, err := os.ReadFile(a.records("job").Sandbox() + "/file"); err != nil || string(data) != "kept\n" {
		t.Errorf("its file: %q, %v", data, err)
	}
	if _, err := a.Stop(t.Context(), "pod", mctr.StopOptions{Timeout: new(time.Second)}); err != nil {
		t.Error("stop:", err)
	}
	a.remove("pod", "job")
}

// TestRecordsGoneShimDead finds a container by its control group when everything else
// that told of it is gone.
func TestRecordsGoneShimDead(t *testing.T) {
	a := newAgent(t)
	config := a.config("sleep", "100")
	config.Image = "" // nor is there an image's lease
	if _, err := a.Launch(t.Context(), "job", config, containerizer.LaunchOptions{}); err != nil {
		t.Fatal(err)
	}
	s, err := a.Status(t.Context(), "job")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(a.Close(), unix.Kill(s.ShimPid, unix.SIGKILL)); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{a.root + "/containers/job", a.state + "/containers/job/" + wire.AliveName,
		a.state + "/containers/job", a.state + "/locks/job"} {
		_ = unix.Unmount(a.state+"/containers/job/bundle/rootfs", unix.MNT_DETACH)
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	a.Containerizer = a.open()
	left, err := a.Reconcile(t.Context())
	if err != nil ||
		!slices.ContainsFunc(left, func(l mctr.Leftover) bool { return l.Owner == "job" && l.Kind == "process" }) {
		t.Errorf("found %+v, %v", left, err)
	}
	if left, err := a.Leftovers(t.Context()); err != nil || len(left) > 0 {
		t.Errorf("still there: %+v, %v", left, err)
	}
}
