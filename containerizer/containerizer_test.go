package containerizer_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/internal/leakcheck"
	"github.com/mctr/mctr/internal/testprogram"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/isolators/builtin"
	"github.com/mctr/mctr/provisioner"
	"github.com/mctr/mctr/provisioner/imagetest"
)

// An agent is a process that embeds a containerizer, with directories of its own.
type agent struct {
	*containerizer.Containerizer
	t           *testing.T
	root, state string
	image       string
	table       []isolators.Isolator
}

// withoutPlugins are the networks of a host without CNI plugins, whatever this one has: there
// a container that asks for no network has none.
func withoutPlugins(root, state string) *cni.Networks {
	return cni.New(cni.Config{Root: root + "/cni", State: state + "/cni", PluginDirs: []string{root + "/no-plugins"}})
}

func newAgent(t *testing.T, more ...isolators.Isolator) *agent {
	t.Helper()
	dir := t.TempDir()
	a := &agent{t: t, root: filepath.Join(dir, "root"), state: filepath.Join(dir, "state"),
		image: imagetest.Busybox(t, dir)}
	a.table = append(builtin.Table(builtin.Deps{
		Root: a.root, State: a.state, Helper: testprogram.Find(t, "mctr-helper"),
		Networks: withoutPlugins(a.root, a.state),
	}), more...)
	a.Containerizer = a.open()
	t.Cleanup(a.tearDown)
	return a
}

// open is another process with the same directories, as far as files can tell.
func (a *agent) open() *containerizer.Containerizer {
	a.t.Helper()
	c, err := a.tryOpen()
	if err != nil {
		a.t.Fatal(err)
	}
	return c
}

func (a *agent) tryOpen(more ...containerizer.Option) (*containerizer.Containerizer, error) {
	a.t.Helper()
	images, err := provisioner.New(a.root)
	if err != nil {
		a.t.Fatal(err)
	}
	return containerizer.New(a.t.Context(),
		append([]containerizer.Option{containerizer.WithDirs(a.root, a.state), containerizer.WithImages(images),
			containerizer.WithIsolators(a.table), containerizer.WithShim(testprogram.Find(a.t, "mctr-shim")),
			containerizer.WithOwner("test")},
			more...)...)
}

func (a *agent) config(args ...string) *mctr.ContainerConfig {
	return &mctr.ContainerConfig{Image: a.image, Process: mctr.Process{Args: args}}
}

func (a *agent) launch(id mctr.ContainerID, args ...string) {
	a.t.Helper()
	if _, err := a.Launch(a.t.Context(), id, a.config(args...), containerizer.LaunchOptions{}); err != nil {
		a.t.Fatal(err)
	}
}

// wantNothing fails the test if any trace of a container is left.
func (a *agent) wantNothing() {
	a.t.Helper()
	for _, dir := range []string{a.root + "/containers", a.root + "/names", a.root + "/images/leases",
		a.state + "/containers"} {
		if entries, _ := os.ReadDir(dir); len(entries) > 0 {
			a.t.Errorf("%s holds %v", dir, entries)
		}
	}
	if pids, err := cgroup.Pids(a.prefix()); err != nil || len(pids) > 0 {
		a.t.Errorf("processes are left: %v %v", pids, err)
	}
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	if strings.Contains(string(mounts), a.state+"/") {
		a.t.Error("mounts are left below", a.state)
	}
}

// records are those of a container.
func (a *agent) records(id mctr.ContainerID) *store.Container {
	return store.New(a.root, a.state).Container(id)
}

// prefix is the group of the agent's containers.
func (a *agent) prefix() string { return groupOf(a.state) }

func (a *agent) tearDown() {
	if err := a.Close(); err != nil {
		a.t.Error(err)
	}
	a.wantNothing()
	for _, group := range []string{a.prefix(), a.prefix() + "-shims"} {
		if err := errors.Join(cgroup.Kill(group, 5*time.Second), cgroup.Remove(group)); err != nil {
			a.t.Error(err)
		}
	}
	_ = unix.Unmount(a.state, unix.MNT_DETACH)
}

func (a *agent) remove(ids ...mctr.ContainerID) {
	a.t.Helper()
	for _, id := range ids {
		if err := a.Remove(context.Background(), id, true); err != nil {
			a.t.Error(err)
		}
	}
}

func TestLaunchAndWait(t *testing.T) {
	a := newAgent(t)
	a.launch("job", "sh", "-c", "exit 7")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if end, err := a.Wait(t.Context(), "job"); err != nil || end.ExitCode != 7 ||
				end.Reason != mctr.ReasonExited {
				t.Errorf("wait: %+v, %v", end, err)
			}
		})
	}
	all.Wait()
	if end, err := a.open().Wait(t.Context(), "job"); err != nil || end.ExitCode != 7 {
		t.Errorf("wait from another process: %+v, %v", end, err)
	}
	a.remove("job")
}

func TestLaunchOfKnownID(t *testing.T) {
	a := newAgent(t)
	a.launch("job", "sleep", "100")
	if _, err := a.Launch(t.Context(), "job", a.config("true"),
		containerizer.LaunchOptions{}); !errors.Is(err, mctr.ErrExists) {
		t.Errorf("second launch: %v", err)
	}
	if s, err := a.Status(t.Context(), "job"); err != nil || s.Phase != mctr.Running {
		t.Errorf("the first was disturbed: %+v, %v", s, err)
	}
	a.remove("job")
}

func TestUnknownID(t *testing.T) {
	a := newAgent(t)
	_, waitErr := a.Wait(t.Context(), "nobody")
	_, statusErr := a.Status(t.Context(), "nobody")
	_, destroyErr := a.Destroy(t.Context(), "nobody")
	for verb, err := range map[string]error{
		"wait": waitErr, "status": statusErr, "destroy": destroyErr,
		"kill": a.Kill(t.Context(), "nobody", unix.SIGTERM), "remove": a.Remove(t.Context(), "nobody", true),
	} {
		if !errors.Is(err, mctr.ErrNotFound) {
			t.Errorf("%s: %v", verb, err)
		}
	}
	if err := a.Cleanup(t.Context(), "nobody"); err != nil {
		t.Errorf("cleanup is for everybody: %v", err)
	}
}

func TestDestroyTogether(t *testing.T) {
	a := newAgent(t)
	a.launch("job", "sh", "-c", "trap '' TERM INT; sleep 100 & wait; sleep 100")
	other := a.open()
	var all sync.WaitGroup
	for i := range 6 {
		all.Go(func() {
			c := a.Containerizer
			if i%2 == 1 {
				c = other
			}
			if end, err := c.Destroy(t.Context(), "job"); err != nil || end.Signal != int(unix.SIGKILL) {
				t.Errorf("destroy %d: %+v, %v", i, end, err)
			}
		})
	}
	all.Wait()
	a.remove("job")
}

func TestCancelledWaitChangesNothing(t *testing.T) {
	a := newAgent(t)
	a.launch("job", "sleep", "100")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := a.Wait(ctx, "job"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("wait: %v", err)
	}
	if s, err := a.Status(t.Context(), "job"); err != nil || s.Phase != mctr.Running {
		t.Errorf("status: %+v, %v", s, err)
	}
	a.remove("job")
}

// TestCloseLeavesContainers ends an agent; the container goes on, and the next
// agent waits for it and cleans up.
func TestCloseLeavesContainers(t *testing.T) {
	a := newAgent(t)
	a.launch("job", "sh", "-c", "sleep 0.3; exit 5")
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	a.Containerizer = a.open()
	if end, err := a.Wait(t.Context(), "job"); err != nil || end.ExitCode != 5 {
		t.Errorf("wait: %+v, %v", end, err)
	}
	a.remove("job")
}

func TestMaxCompletionTime(t *testing.T) {
	a := newAgent(t)
	config := a.config("sleep", "100")
	config.MaxCompletion = mctr.Duration(100 * time.Millisecond)
	if _, err := a.Launch(t.Context(), "job", config, containerizer.LaunchOptions{}); err != nil {
		t.Fatal(err)
	}
	if end, err := a.Wait(t.Context(), "job"); err != nil || end.Reason != mctr.ReasonMaxTime {
		t.Errorf("wait: %+v, %v", end, err)
	}
	a.remove("job")
}

func TestPause(t *testing.T) {
	a := newAgent(t)
	a.launch("job", "sleep", "100")
	if err := a.Pause(t.Context(), "job"); err != nil {
		t.Fatal(err)
	}
	if s, err := a.Status(t.Context(), "job"); err != nil || s.Phase != mctr.Paused {
		t.Errorf("status: %+v, %v", s, err)
	}
	if err := a.Pause(t.Context(), "job"); !errors.Is(err, mctr.ErrState) {
		t.Errorf("pause twice: %v", err)
	}
	if err := a.Resume(t.Context(), "job"); err != nil {
		t.Error(err)
	}
	if err := a.Pause(t.Context(), "job"); err != nil {
		t.Error(err)
	}
	a.remove("job") // frozen
}

// TestSecretsStayInMemory looks for a secret in every file of the container.
func TestSecretsStayInMemory(t *testing.T) {
	a := newAgent(t)
	const canary = "xyzzy-canary-4711"
	config := a.config("sh", "-c", `test "$TOKEN" = `+canary[:11]+`"y-4711" && sleep 100`)
	if _, err := a.Launch(t.Context(), "job", config,
		containerizer.LaunchOptions{SecretEnv: []string{"TOKEN=" + canary}}); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{a.root, a.state} {
		out, _ := exec.Command("grep", "-rlF", canary, dir).Output()
		if len(out) > 0 {
			t.Errorf("the secret is on disk: %s", out)
		}
	}
	time.Sleep(100 * time.Millisecond) // the task has compared by now, or ended
	if s, err := a.Status(t.Context(), "job"); err != nil || s.Phase != mctr.Running {
		t.Errorf("the task did not get its secret: %+v, %v", s, err)
	}
	a.remove("job")
}

// TestSecretsWithoutIsolator: a table without an isolator that keeps secrets refuses them, and nothing is
// recorded.
func TestSecretsWithoutIsolator(t *testing.T) {
	a := newAgent(t)
	a.table = slices.DeleteFunc(a.table, func(i isolators.Isolator) bool { return i.Name() == "volume/secret" })
	bare := a.open()
	defer func() { _ = bare.Close() }()
	config := a.config("true")
	config.Process.SecretEnv = []mctr.SecretVariable{{Name: "TOKEN", Value: mctr.SecretValue("xyzzy")}}
	_, err := bare.Launch(t.Context(), "job", config, containerizer.LaunchOptions{})
	if !errors.Is(err, mctr.ErrUnsupported) || !strings.Contains(err.Error(), "process.secret_env") {
		t.Errorf("got %v", err)
	}
	config = a.config("true")
	config.Volumes = []mctr.Volume{{Type: mctr.VolumeSecret, Target: "/x", Value: mctr.SecretValue("xyzzy")}}
	_, err = bare.Launch(t.Context(), "job", config, containerizer.LaunchOptions{})
	if !errors.Is(err, mctr.ErrInvalid) || !strings.Contains(err.Error(), "volumes.type secret") {
		t.Errorf("got %v", err)
	}
	a.wantNothing()
}

// TestNothingIsKept counts descriptors and children before and after many jobs.
func TestNothingIsKept(t *testing.T) {
	a := newAgent(t)
	a.launch("warm", "true")
	if _, err := a.Wait(t.Context(), "warm"); err != nil {
		t.Fatal(err)
	}
	a.remove("warm")
	kept := leakcheck.Snapshot(t, leakcheck.Scope{Kinds: []leakcheck.Kind{leakcheck.File, leakcheck.Process}})
	for range 10 {
		a.launch("job", "true")
		if _, err := a.Wait(t.Context(), "job"); err != nil {
			t.Fatal(err)
		}
		a.remove("job")
	}
	kept.Check()
}

// TestIgnoredSignals launches from a process that ignores signals, as one does that
// was started by nohup: a container ignores none of these. (make(1) has its children
// ignore 32 and 33, which are the C library's own.)
func TestIgnoredSignals(t *testing.T) {
	a := newAgent(t)
	signal.Ignore(unix.SIGHUP, unix.SIGINT)
	defer signal.Reset(unix.SIGHUP, unix.SIGINT)
	a.launch("job", "sh", "-c", "grep SigIgn /proc/self/status; sleep 100")
	a.until("job", "SigIgn:")
	stream, err := a.Exec(t.Context(), "job", containerizer.Exec{Args: []string{"grep", "SigIgn", "/proc/self/status"}})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	var out bytes.Buffer
	if _, err := stream.Copy(t.Context(), &out, &out, nil); err != nil {
		t.Fatal(err)
	}
	for of, said := range map[string]string{"init": a.log("job"), "an exec": out.String()} {
		if !strings.HasSuffix(strings.TrimSpace(said), "0") { // signals 1 to 4
			t.Errorf("%s ignores: %s", of, said)
		}
	}
	a.remove("job")
}

// TestShimHoldsNothingOfItsCaller gives the launching process a descriptor that
// any child inherits, and looks for it in the shim.
func TestShimHoldsNothingOfItsCaller(t *testing.T) {
	a := newAgent(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := unix.FcntlInt(w.Fd(), unix.F_SETFD, 0); err != nil { // inheritable
		t.Fatal(err)
	}
	a.launch("job", "sleep", "100")
	_ = w.Close()
	_ = r.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("somebody still has the pipe: %v", err)
	}
	a.remove("job")
}

// checkpoints returns the checkpoints behind which a test kills a process. Without MCTR_LONG, it leaves
// out most of the isolators that only declare, behind which there is nothing to undo.
func (a *agent) checkpoints() []string {
	all := store.Checkpoints(a.table)
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
