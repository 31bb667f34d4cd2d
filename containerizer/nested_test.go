package containerizer_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/internal/failpoint"
)

// namespaceOf is the inode of one of the container's namespaces.
func (a *agent) namespaceOf(id mctr.ContainerID, kind string) string {
	a.t.Helper()
	s, err := a.Status(a.t.Context(), id)
	if err != nil {
		a.t.Fatal(err)
	}
	p := mctr.Parent{Pid: s.Pid}
	link, err := os.Readlink(p.Namespace(kind))
	if err != nil {
		a.t.Fatal(err)
	}
	return link
}

func (a *agent) launchConfig(id mctr.ContainerID, config *mctr.ContainerConfig) {
	a.t.Helper()
	if _, err := a.Launch(a.t.Context(), id, config, containerizer.LaunchOptions{}); err != nil {
		a.t.Fatal(err)
	}
}

// TestNestedNamespaces wants a nested container to share what it does not ask to
// have for itself.
func TestNestedNamespaces(t *testing.T) {
	a := newAgent(t)
	a.launch("root", "sleep", "100")
	own := a.config("sleep", "100")
	own.Hostname, own.Network, own.ShmSize = "other", "none", 1<<20
	own.Network = "none"
	shared := a.config("sleep", "100")
	shared.Namespaces.PID = "parent"
	for id, c := range map[mctr.ContainerID]struct {
		config *mctr.ContainerConfig
		shares []string
	}{
		"root.plain":  {a.config("sleep", "100"), []string{"ipc", "net", "uts"}},
		"root.shared": {shared, []string{"ipc", "net", "pid", "uts"}},
		"root.own":    {own, nil},
	} {
		a.launchConfig(id, c.config)
		var got []string
		for _, kind := range []string{"ipc", "mnt", "net", "pid", "uts"} {
			if a.namespaceOf(id, kind) == a.namespaceOf("root", kind) {
				got = append(got, kind)
			}
		}
		if !slices.Equal(got, c.shares) {
			t.Errorf("%s shares %v, want %v", id, got, c.shares)
		}
	}
	if children, err := a.Children("root"); err != nil || len(children) != 3 {
		t.Errorf("children: %v, %v", children, err)
	}
	a.remove("root")
}

// TestNestedTogether has two nested containers exchange files through the parent's
// sandbox and its /dev/shm, under limits of their own.
func TestNestedTogether(t *testing.T) {
	a := newAgent(t)
	a.launch("root", "sleep", "100")
	volume := []mctr.Volume{{Type: "parent-sandbox", Source: "exchange", Target: "/exchange"}}
	writer := a.config("sh", "-c",
		"echo from the writer >/exchange/f; echo shm >/dev/shm/s; hostname; echo done >/exchange/done")
	writer.Volumes, writer.Resources = volume, limits(32<<20, 40)
	reader := a.config("sh", "-c",
		"until [ -e /exchange/done ]; do sleep 0.01; done; cat /exchange/f /dev/shm/s; hostname")
	reader.Volumes, reader.Resources = volume, limits(64<<20, 70)
	a.launchConfig("root.reader", reader)
	if got := a.limitsOf("root.reader"); got != "67108864 70" {
		t.Errorf("limits %s", got)
	}
	a.launchConfig("root.writer", writer)
	for id, want := range map[mctr.ContainerID]string{"root.writer": "root\n",
		"root.reader": "from the writer\nshm\nroot\n"} {
		if end, err := a.Wait(t.Context(), id); err != nil || end.ExitCode != 0 {
			t.Errorf("%s: %+v, %v", id, end, err)
		}
		if got := a.log(id); got != want {
			t.Errorf("%s printed %q, want %q", id, got, want)
		}
	}
	if s, err := a.Status(t.Context(), "root"); err != nil || s.Phase != mctr.Running {
		t.Errorf("the parent: %+v, %v", s, err)
	}
	a.remove("root")
}

// TestParentEnds wants nested containers, of any depth and with pids of their
// own, to end with the parent, and their status to stay until the root is gone.
func TestParentEnds(t *testing.T) {
	for how, end := range map[string]func(*agent) error{
		"by itself": func(a *agent) error { return a.Kill(a.t.Context(), "root", unix.SIGKILL) },
		"destroyed": func(a *agent) error { _, err := a.Destroy(a.t.Context(), "root"); return err },
	} {
		t.Run(how, func(t *testing.T) {
			a := newAgent(t)
			for _, id := range []mctr.ContainerID{"root", "root.a", "root.b", "root.a.deep"} {
				a.launch(id, "sleep", "100")
			}
			if err := end(a); err != nil {
				t.Fatal(err)
			}
			if _, err := a.Wait(t.Context(), "root"); err != nil {
				t.Error(err)
			}
			for _, id := range []mctr.ContainerID{"root.a", "root.b", "root.a.deep"} {
				if s, err := a.Status(t.Context(), id); err != nil || s.Phase != mctr.Exited ||
					s.Termination.Reason != mctr.ReasonParentEnded || !s.Cleaned {
					t.Errorf("%s: %+v, %+v, %v", id, s, s.Termination, err)
				}
			}
			group, _, _ := strings.Cut(store.At("", a.state).Container("root").Cgroup(), "/main")
			if dirs := cgroup.Dirs(group); len(dirs) > 0 {
				t.Errorf("groups are left: %v", dirs)
			}
			a.remove("root")
			if _, err := a.Status(t.Context(), "root.a.deep"); !errors.Is(err, mctr.ErrNotFound) {
				t.Errorf("the root is gone, its nested ones: %v", err)
			}
		})
	}
}

// TestParentDead nests in a container whose init is dead and was not yet waited for: that it
// has ended is what is said, and not what was not found in its namespaces.
func TestParentDead(t *testing.T) {
	a := newAgent(t)
	a.launch("root", "sleep", "100")
	s, err := a.Status(t.Context(), "root")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(unix.Kill(s.ShimPid, unix.SIGSTOP), unix.Kill(s.Pid, unix.SIGKILL)); err != nil {
		t.Fatal(err)
	}
	a.eventually("init is dead", func() bool { return deadChildren(s.ShimPid) == 1 })
	_, err = a.Launch(t.Context(), "root.child", a.config("true"), containerizer.LaunchOptions{})
	if !errors.Is(err, mctr.ErrState) || !strings.Contains(err.Error(), "its parent root has ended") {
		t.Errorf("got %v", err)
	}
	if err := unix.Kill(s.ShimPid, unix.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Wait(t.Context(), "root"); err != nil {
		t.Error(err)
	}
	a.remove("root")
}

func TestNestingRefused(t *testing.T) {
	a := newAgent(t)
	a.launch("ended", "true")
	if _, err := a.Wait(t.Context(), "ended"); err != nil {
		t.Fatal(err)
	}
	stranger, removed := a.config("true"), a.config("true")
	stranger.Network, removed.Remove = "parent", true
	for id, c := range map[mctr.ContainerID]struct {
		config *mctr.ContainerConfig
		is     error
	}{
		"nobody.child": {a.config("true"), mctr.ErrNotFound},
		"ended.child":  {a.config("true"), mctr.ErrState},
		"root":         {stranger, mctr.ErrInvalid},
		"ended.other":  {removed, mctr.ErrInvalid},
	} {
		if _, err := a.Launch(t.Context(), id, c.config, containerizer.LaunchOptions{}); !errors.Is(err, c.is) {
			t.Errorf("%s: %v, want %v", id, err, c.is)
		}
	}
	a.remove("ended")
}

// TestNestedKilledAtEveryFailpoint ends the agent that nests a container behind
// every checkpoint: the root goes on, and what was half made is undone.
func TestNestedKilledAtEveryFailpoint(t *testing.T) {
	a := newAgent(t)
	config := a.config("sleep", "1000")
	config.Owner = "somebody"
	if _, err := a.Launch(t.Context(), "root", config, containerizer.LaunchOptions{Detach: true}); err != nil {
		t.Fatal(err)
	}
	for _, point := range a.checkpoints() {
		if testing.Short() && (strings.HasPrefix(point, "prepare/") || strings.HasPrefix(point, "cleaned/")) {
			continue
		}
		t.Run(strings.ReplaceAll(point, "/", "_"), func(t *testing.T) {
			if out, err := a.agentProcess("nested", failpoint.Env+"="+point+"=kill").CombinedOutput(); err == nil &&
				point != "exited" {
				t.Errorf("nothing was killed: %s", out)
			}
			for _, id := range a.recover().Adopted {
				if _, err := a.Wait(t.Context(), id); err != nil {
					t.Error(err)
				}
			}
			if s, err := a.Status(t.Context(), "root"); err != nil || s.Phase != mctr.Running {
				t.Fatalf("the root: %+v, %v", s, err)
			}
			if children, err := a.Children("root"); err == nil && len(children) > 0 {
				a.remove(children...)
			}
			if left, err := a.Leftovers(t.Context()); err != nil || len(left) > 0 {
				t.Errorf("left over: %v, %v", left, err)
			}
		})
	}
	a.remove("root")
}

// TestNestedSettles wants a nested container without a listen policy to have its parent's,
// and targets of mounts in the sandbox where they are relative.
func TestNestedSettles(t *testing.T) {
	a := newAgent(t)
	root := a.config("sleep", "100")
	root.Listen = &mctr.ListenPolicy{Ports: []mctr.PortRange{{First: 1, Last: 10}}}
	a.launchConfig("job", root)
	task := a.config("sh", "-c", "mount | grep sandbox/sub; echo done; sleep 100")
	task.Volumes = []mctr.Volume{{Type: "tmpfs", Target: "sub/dir"}}
	a.launchConfig("job.task", task)
	a.launchConfig("job.task.deeper", a.config("sleep", "100"))
	own := a.config("sleep", "100")
	own.Listen = &mctr.ListenPolicy{Ports: []mctr.PortRange{{First: 5, Last: 6}}}
	a.launchConfig("job.own", own)
	for id, want := range map[mctr.ContainerID]uint16{"job": 10, "job.task": 10, "job.task.deeper": 10, "job.own": 6} {
		s, err := a.Status(t.Context(), id)
		if err != nil || s.Config.Listen == nil || s.Config.Listen.Ports[0].Last != want {
			t.Errorf("%s: %+v, %v", id, s.Config.Listen, err)
		}
	}
	a.until("job.task", "done")
	if got := a.log("job.task"); !strings.Contains(got, "on /mnt/mesos/sandbox/sub/dir type tmpfs") {
		t.Errorf("a relative target: %q", got)
	}
	wrong := a.config("true")
	wrong.Volumes = []mctr.Volume{{Type: "tmpfs", Target: "../out"}}
	if _, err := a.Launch(t.Context(), "other", wrong,
		containerizer.LaunchOptions{}); !errors.Is(err, mctr.ErrInvalid) {
		t.Errorf("a target outside of the sandbox: %v", err)
	}
	wrong.Volumes = []mctr.Volume{{Type: "floppy", Target: "/x"}}
	_, err := a.Launch(t.Context(), "other", wrong, containerizer.LaunchOptions{})
	if !errors.Is(err, mctr.ErrInvalid) ||
		!strings.Contains(err.Error(), "volumes.type floppy at /x: want one of tmpfs, bind, sandbox") {
		t.Errorf("an unknown type of volume: %v", err)
	}
	if _, err := a.Destroy(t.Context(), "job"); err != nil {
		t.Error(err)
	}
	a.remove("job")
}
