package containerizer_test

import (
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/internal/failpoint"
)

func (a *agent) group(tasks map[string]string) *mctr.Group {
	g := &mctr.Group{Tasks: map[string]mctr.ContainerConfig{}}
	for name, script := range tasks {
		g.Tasks[name] = *a.config("sh", "-c", script)
	}
	return g
}

// TestGroup wants tasks to live and die together, with and without an agent that
// watches them.
func TestGroup(t *testing.T) {
	for _, c := range []struct {
		name  string
		tasks map[string]string
		root  string            // reason of its end
		want  map[string]string // reasons by task
	}{
		{
			"one fails", map[string]string{"bad": "sleep 0.1; exit 3", "good": "sleep 100", "done": "exit 0"},
			mctr.ReasonTaskFailed,
			map[string]string{"bad": mctr.ReasonExited, "good": mctr.ReasonParentEnded, "done": mctr.ReasonExited},
		},
		{
			"all succeed", map[string]string{"a": "exit 0", "b": "sleep 0.2"}, mctr.ReasonExited,
			map[string]string{"a": mctr.ReasonExited, "b": mctr.ReasonExited},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newAgent(t)
			if err := a.LaunchGroup(t.Context(), "pod", a.group(c.tasks), containerizer.LaunchOptions{}); err != nil {
				t.Fatal(err)
			}
			if end, err := a.Wait(t.Context(), "pod"); err != nil || end.Reason != c.root {
				t.Errorf("the root ended by %+v, %v", end, err)
			}
			for name, reason := range c.want {
				if end, err := a.Wait(t.Context(), mctr.ContainerID("pod."+name)); err != nil || end.Reason != reason {
					t.Errorf("%s ended by %+v, %v; want %s", name, end, err, reason)
				}
			}
			a.remove("pod")
		})
	}
}

// TestGroupRefused wants nothing of a group that cannot be, or whose task cannot start.
func TestGroupRefused(t *testing.T) {
	a := newAgent(t)
	huge, command := a.group(map[string]string{"a": "true"}), a.group(map[string]string{"a": "true"})
	huge.Tasks["b"] = mctr.ContainerConfig{Image: a.image, Resources: limits(1, 0)}
	command.Root.Process.Args = []string{"true"}
	for name, c := range map[string]struct {
		group *mctr.Group
		is    error
	}{
		"no tasks":  {a.group(nil), mctr.ErrInvalid},
		"a name":    {a.group(map[string]string{"a.b": "true"}), mctr.ErrInvalid},
		"a limit":   {huge, mctr.ErrInvalid},
		"a command": {command, mctr.ErrInvalid},
		"no command": {&mctr.Group{Tasks: map[string]mctr.ContainerConfig{"a": {Image: a.image,
			Process: mctr.Process{Args: []string{"nosuch"}}}}}, nil},
	} {
		err := a.LaunchGroup(t.Context(), "pod", c.group, containerizer.LaunchOptions{})
		if err == nil || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: %v", name, err)
		}
		if ids, err := a.Containers(); err != nil || len(ids) > 0 {
			t.Errorf("%s: left %v, %v", name, ids, err)
		}
	}
}

// TestGroupAbandoned ends the agent between two tasks: the group is taken back.
func TestGroupAbandoned(t *testing.T) {
	for name, undo := range map[string]func(*agent){
		"recover": func(a *agent) { a.recover() },
		"reconcile": func(a *agent) {
			if _, err := a.Reconcile(a.t.Context()); err != nil {
				a.t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAgent(t)
			root := a.config()
			root.Image, root.Process = "", mctr.Process{Pause: true, Tasks: []string{"a", "b"}}
			if _, err := a.Launch(t.Context(), "pod", root, containerizer.LaunchOptions{Detach: true}); err != nil {
				t.Fatal(err)
			}
			if _, err := a.Launch(t.Context(), "pod.a", a.config("sleep", "100"),
				containerizer.LaunchOptions{Detach: true}); err != nil {
				t.Fatal(err)
			}
			undo(a)
			if ids, err := a.Containers(); err != nil || len(ids) > 0 {
				t.Errorf("left: %v, %v", ids, err)
			}
		})
	}
}

// TestGroupGoesOn wants a group not to count as abandoned when a task of it was
// removed, or started again, or when that was cut off; and still to end.
func TestGroupGoesOn(t *testing.T) {
	a := newAgent(t)
	if err := a.LaunchGroup(t.Context(), "pod",
		a.group(map[string]string{"a": "exit 0", "b": "sleep 100", "c": "exit 0"}),
		containerizer.LaunchOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, id := range []mctr.ContainerID{"pod.a", "pod.c"} {
		if _, err := a.Wait(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	a.remove("pod.a")
	if out, err := a.agentProcess("start:pod.c", failpoint.Env+"=image=kill").CombinedOutput(); err == nil {
		t.Errorf("nothing was killed: %s", out)
	}
	a.recover()
	if _, err := a.Reconcile(t.Context()); err != nil {
		t.Error(err)
	}
	if s, err := a.Status(t.Context(), "pod.b"); err != nil || s.Phase != mctr.Running {
		t.Fatalf("a task of the group: %+v, %v", s, err)
	}
	if _, err := a.Start(t.Context(), "pod", containerizer.LaunchOptions{}); !errors.Is(err, mctr.ErrState) {
		t.Errorf("start of the root: %v", err)
	}
	if err := a.Kill(t.Context(), "pod.b", unix.SIGKILL); err != nil {
		t.Error(err)
	}
	if end, err := a.Wait(t.Context(), "pod"); err != nil || end.Reason != mctr.ReasonTaskFailed {
		t.Errorf("the root ended by %+v, %v", end, err)
	}
	a.remove("pod")
}

// TestGroupOfALostTask wants a task whose shim died to end the group, whoever
// finds it.
func TestGroupOfALostTask(t *testing.T) {
	a := newAgent(t)
	if err := a.LaunchGroup(t.Context(), "pod", a.group(map[string]string{"a": "sleep 100", "b": "sleep 100"}),
		containerizer.LaunchOptions{Detach: true}); err != nil {
		t.Fatal(err)
	}
	s, err := a.Status(t.Context(), "pod.a")
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(s.ShimPid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	a.eventually("the group has ended", func() bool {
		if err := a.CleanupEnded(t.Context()); err != nil {
			t.Error(err)
		}
		s, err := a.Status(t.Context(), "pod")
		return err == nil && s.Phase == mctr.Exited && s.Termination.Reason == mctr.ReasonTaskFailed
	})
	a.remove("pod")
}

// TestStopOfGroup wants tasks to be asked before they are killed.
func TestStopOfGroup(t *testing.T) {
	a := newAgent(t)
	script := "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.01; done"
	if err := a.LaunchGroup(t.Context(), "pod", a.group(map[string]string{"a": script, "b": script}),
		containerizer.LaunchOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, id := range []mctr.ContainerID{"pod.a", "pod.b"} {
		a.eventually("it is up", func() bool { return a.log(id) != "" })
	}
	if _, err := a.Stop(t.Context(), "pod", mctr.StopOptions{Timeout: new(10 * time.Second)}); err != nil {
		t.Error(err)
	}
	for _, id := range []mctr.ContainerID{"pod.a", "pod.b"} {
		if got := a.log(id); got != "up\nbye\n" {
			t.Errorf("%s printed %q", id, got)
		}
	}
	a.remove("pod")
}

func TestResolveNested(t *testing.T) {
	a := newAgent(t)
	id := mctr.NewID()
	config := a.config("sleep", "100")
	config.Name = "web"
	a.launchConfig(id, config)
	for _, child := range []mctr.ContainerID{"one", "other"} {
		a.launchConfig(id+"."+child, a.config("sleep", "100"))
	}
	for ref, want := range map[string]mctr.ContainerID{
		string(id): id, id.Short(): id, "web": id, "web.one": id + ".one", string(id) + ".one": id + ".one",
		(id + ".one").Short(): id + ".one", id.Short() + ".ot": id + ".other",
	} {
		if got, err := a.Resolve(ref); err != nil || got != want {
			t.Errorf("%s: %s, %v", ref, got, err)
		}
	}
	for ref, is := range map[string]error{"web.o": mctr.ErrInvalid, "web.x": mctr.ErrNotFound,
		"nobody.one": mctr.ErrNotFound, "web.one.deep": mctr.ErrNotFound} {
		if got, err := a.Resolve(ref); !errors.Is(err, is) {
			t.Errorf("%s: %s, %v", ref, got, err)
		}
	}
	a.remove(id)
}

// TestResolveIDOfAnother wants an id to mean its container, whatever others are called.
func TestResolveIDOfAnother(t *testing.T) {
	a := newAgent(t)
	victim, other := mctr.NewID(), mctr.NewID()
	config := a.config("sleep", "100")
	a.launchConfig(victim, config)
	config.Name = string(victim)
	a.launchConfig(other, config)
	if got, err := a.Resolve(string(victim)); err != nil || got != victim {
		t.Errorf("%s: %s, %v", victim, got, err)
	}
	a.remove(victim, other)
}

// TestPauseGroup pauses a group with all its tasks, one of which has ended and one is
// paused before, and lets it go on.
func TestPauseGroup(t *testing.T) {
	a := newAgent(t)
	if err := a.LaunchGroup(t.Context(), "pod",
		a.group(map[string]string{"one": "sleep 100", "two": "sleep 100", "done": "true"}),
		containerizer.LaunchOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Wait(t.Context(), "pod.done"); err != nil {
		t.Fatal(err)
	}
	want := func(phase mctr.Phase) {
		t.Helper()
		for _, id := range []mctr.ContainerID{"pod", "pod.one", "pod.two"} {
			if s, err := a.Status(t.Context(), id); err != nil || s.Phase != phase {
				t.Errorf("%s is %s, %v; want %s", id, s.Phase, err, phase)
			}
		}
	}
	if err := a.Pause(t.Context(), "pod.one"); err != nil {
		t.Fatal(err)
	}
	if err := a.Pause(t.Context(), "pod"); err != nil {
		t.Fatal(err)
	}
	want(mctr.Paused)
	if err := a.Pause(t.Context(), "pod"); !errors.Is(err, mctr.ErrState) {
		t.Errorf("a second time: %v", err)
	}
	if err := a.Resume(t.Context(), "pod"); err != nil {
		t.Fatal(err)
	}
	want(mctr.Running)
	if err := a.Pause(t.Context(), "pod"); err != nil {
		t.Fatal(err)
	}
	if err := a.Resume(t.Context(), "pod.two"); err != nil {
		t.Fatal(err)
	}
	if s, err := a.Status(t.Context(), "pod"); err != nil || s.Phase != mctr.Running {
		t.Errorf("the root of a task that goes on: %+v, %v", s, err)
	}
	if err := errors.Join(a.Pause(t.Context(), "pod"), a.Resume(t.Context(), "pod.one"),
		a.Pause(t.Context(), "pod")); err != nil {
		t.Error(err)
	}
	want(mctr.Paused)
	a.remove("pod")
}
