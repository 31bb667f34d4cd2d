package containerizer_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/isolators/isolatortest"
)

// frozenDisk mounts a filesystem on which every write sleeps, uninterruptibly,
// until it is thawed.
func frozenDisk(t *testing.T) (dir string, freeze, thaw func()) {
	t.Helper()
	disk := filepath.Join(t.TempDir(), "disk")
	dir = filepath.Join(t.TempDir(), "mounted")
	run := func(command ...string) {
		t.Helper()
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v: %s", command, err, out)
		}
	}
	for _, command := range []string{"truncate -s 64M " + disk, "mkfs.ext4 -q " + disk, "mkdir " + dir,
		"mount -o loop " + disk + " " + dir} {
		run(strings.Fields(command)...)
	}
	frozen := false
	freeze, thaw = func() { run("fsfreeze", "-f", dir); frozen = true }, func() {
		run("fsfreeze", "-u", dir)
		frozen = false
	}
	t.Cleanup(func() {
		if frozen {
			thaw()
		}
		run("umount", dir)
	})
	return dir, freeze, thaw
}

// TestUninterruptible has a task that no signal ends: whoever destroys it is told
// what it sleeps in, others are not held up, and when it wakes it is over.
func TestUninterruptible(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes as long as a container has to die")
	}
	dir, freeze, thaw := frozenDisk(t)
	a := newAgent(t)
	config := a.config("sh", "-c", "while [ ! -e /go ]; do sleep 0.01; done; echo x >/disk/file; sleep 100")
	config.Volumes = []mctr.Volume{{Type: "bind", Source: dir, Target: "/disk"}}
	a.launchConfig("job", config)
	freeze()
	a.exec("job", "touch", "/go")
	pids, err := a.Pids("job")
	if err != nil {
		t.Fatal(err)
	}
	a.eventually("the task sleeps", func() bool {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pids[0]) + "/stat")
		return err == nil && strings.Contains(string(stat), ") D ")
	})
	_, err = a.Destroy(t.Context(), "job")
	if err == nil || !strings.Contains(err.Error(), "process "+strconv.Itoa(pids[0])+" (sh) in state D") {
		t.Errorf("destroy: %v", err)
	}
	if _, err := a.Launch(t.Context(), "other", a.config("true"), containerizer.LaunchOptions{}); err != nil {
		t.Errorf("another container: %v", err)
	}
	thaw()
	if end, err := a.Wait(t.Context(), "job"); err != nil || end.Reason != mctr.ReasonDestroyed {
		t.Errorf("ended by %+v, %v", end, err)
	}
	a.remove("job", "other")
}

// TestEnteredFromOutside has somebody outside start a process in a container's pid
// namespace and not wait for it, which keeps init from ending: whoever destroys it is
// told, what can enter no more leaves nothing, and afterwards it is over.
func TestEnteredFromOutside(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes as long as a container has to die")
	}
	a := newAgent(t)
	a.launch("job", "sleep", "100")
	status, err := a.Status(t.Context(), "job")
	if err != nil {
		t.Fatal(err)
	}
	enter := exec.Command("nsenter", "-t", strconv.Itoa(status.Pid), "-p", "sh", "-c", "echo in; sleep 100")
	said, err := enter.StdoutPipe()
	if err == nil {
		err = enter.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = enter.Process.Kill() })        // if the test has not ended it
	if _, err := said.Read(make([]byte, 1)); err != nil { // it is in
		t.Fatal(err)
	}
	if err := enter.Process.Signal(unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	a.eventually("it is stopped", func() bool {
		stat, _ := os.ReadFile("/proc/" + strconv.Itoa(enter.Process.Pid) + "/stat")
		return strings.Contains(string(stat), ") T ")
	})
	destroyed := make(chan error)
	go func() { _, err := a.Destroy(t.Context(), "job"); destroyed <- err }()
	a.eventually("init is on its way out", func() bool {
		_, err := os.Stat("/proc/" + strconv.Itoa(status.Pid) + "/ns/ipc")
		return err != nil
	})
	for range 5 {
		if stream, err := a.Exec(t.Context(), "job", containerizer.Exec{Args: []string{"true"}}); err == nil {
			t.Error("an exec entered a container that is killed")
			_ = stream.Close()
		}
	}
	a.eventually("the shim has no dead children", func() bool { return deadChildren(status.ShimPid) == 0 })
	if err := <-destroyed; err == nil ||
		!strings.Contains(err.Error(), "process "+strconv.Itoa(status.Pid)+" (sleep) in state") {
		t.Errorf("destroy: %v", err)
	}
	if err := errors.Join(enter.Process.Signal(unix.SIGCONT), enter.Wait()); err == nil {
		t.Error("what entered the container was not killed")
	}
	if end, err := a.Wait(t.Context(), "job"); err != nil || end.Reason != mctr.ReasonDestroyed {
		t.Errorf("ended by %+v, %v", end, err)
	}
	a.remove("job")
}

// deadChildren counts the processes that pid has started and not waited for.
func deadChildren(pid int) (n int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		stat, _ := os.ReadFile(path)
		if strings.Contains(string(stat), ") Z "+strconv.Itoa(pid)+" ") { // proc_pid_stat(5)
			n++
		}
	}
	return n
}

// TestSlowRelease destroys a container whose isolator takes longer to clean up than
// a process has to die: that is no process that does not end.
func TestSlowRelease(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes longer than a container has to die")
	}
	f := isolatortest.NewFaults(&holder{})
	a := newAgent(t, f)
	a.launchConfig("job", a.config("sleep", "100"))
	f.Before("Cleanup", func(context.Context) error { time.Sleep(11 * time.Second); return nil })
	end, err := a.Destroy(t.Context(), "job")
	if err != nil || end.Reason != mctr.ReasonDestroyed {
		t.Errorf("destroy: %+v, %v", end, err)
	}
	f.Before("Cleanup", nil)
	a.remove("job")
}

// TestDestroyOfADeafShim has a supervisor that lives and answers nobody: its container
// is ended without it.
func TestDestroyOfADeafShim(t *testing.T) {
	a := newAgent(t)
	if _, err := a.Launch(t.Context(), "job", a.config("sleep", "100"),
		containerizer.LaunchOptions{Detach: true}); err != nil {
		t.Fatal(err)
	}
	s, err := a.Status(t.Context(), "job")
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(s.ShimPid, unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if end, err := a.Destroy(t.Context(), "job"); err != nil || end.Reason != mctr.ReasonDestroyed {
		t.Errorf("destroyed: %+v, %v", end, err)
	}
	a.remove("job")
}
