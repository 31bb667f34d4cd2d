package containerizer_test

import (
	"errors"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
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
			"one fails", map[string]string{"bad": "sleep 0.1; exit 3", "good": "sleep 100", "done": "exit 0"}, mctr.ReasonTaskFailed,
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
		"no tasks":   {a.group(nil), mctr.ErrInvalid},
		"a name":     {a.group(map[string]string{"a.b": "true"}), mctr.ErrInvalid},
		"a limit":    {huge, mctr.ErrInvalid},
		"a command":  {command, mctr.ErrInvalid},
		"no command": {&mctr.Group{Tasks: map[string]mctr.ContainerConfig{"a": {Image: a.image, Process: mctr.Process{Args: []string{"nosuch"}}}}}, nil},
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
			if _, err := a.Launch(t.Context(), "pod.a", a.config("sleep", "100"), containerizer.LaunchOptions{Detach: true}); err != nil {
				t.Fatal(err)
			}
			undo(a)
			if ids, err := a.Containers(); err != nil || len(ids) > 0 {
				t.Errorf("left: %v, %v", ids, err)
			}
		})
	}
}
