package containerizer_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
)

// locks are the locks of containers that have a file.
func (a *agent) locks() (names []string) {
	a.t.Helper()
	entries, err := os.ReadDir(a.state + "/locks")
	if err != nil {
		a.t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name()[0] != '.' {
			names = append(names, e.Name())
		}
	}
	return names
}

// TestNoLockOfNothing asks for containers that there are not, in every way, and
// wants no file made for it, nor one outside the locks.
func TestNoLockOfNothing(t *testing.T) {
	a, ctx := newAgent(t), t.Context()
	a.launch("root", "sleep", "100")
	a.launch("root.in", "sleep", "100")
	a.remove("root")
	for name, verb := range map[string]func(id mctr.ContainerID) error{
		"start": func(id mctr.ContainerID) error {
			_, err := a.Start(ctx, id, containerizer.LaunchOptions{})
			return err
		},
		"destroy": func(id mctr.ContainerID) error { _, err := a.Destroy(ctx, id); return err },
		"stop": func(id mctr.ContainerID) error {
			_, err := a.Stop(ctx, id, mctr.StopOptions{Signal: unix.SIGTERM, Timeout: new(time.Second)})
			return err
		},
		"remove":       func(id mctr.ContainerID) error { return a.Remove(ctx, id, true) },
		"rename":       func(id mctr.ContainerID) error { return a.Rename(ctx, id, "other") },
		"update":       func(id mctr.ContainerID) error { return a.Update(ctx, id, limits(64<<20, 0)) },
		"update group": func(id mctr.ContainerID) error { return a.UpdateGroup(ctx, id, limits(64<<20, 0)) },
		"nest": func(id mctr.ContainerID) error {
			_, err := a.Launch(ctx, id+".in", a.config("true"), containerizer.LaunchOptions{})
			return err
		},
	} {
		for _, id := range []mctr.ContainerID{"root", "root.in", "none"} {
			if err := verb(id); !errors.Is(err, mctr.ErrNotFound) {
				t.Errorf("%s %s: %v", name, id, err)
			}
		}
		if err := verb("../escaped"); err == nil {
			t.Errorf("%s takes any path for an id", name)
		}
	}
	if err := a.Cleanup(ctx, "none"); err != nil {
		t.Error(err)
	}
	if names := a.locks(); len(names) > 0 {
		t.Errorf("locks of nothing: %v", names)
	}
	if _, err := os.Lstat(a.state + "/escaped"); err == nil {
		t.Error("a lock was made outside")
	}
}
