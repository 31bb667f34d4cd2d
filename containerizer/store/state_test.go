package store_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/store"
)

// reserved is a container of a store that is set up as far as records go.
func reserved(t *testing.T, s *store.Store, id mctr.ContainerID) *store.Container {
	t.Helper()
	for _, dir := range []string{s.Containers(), s.Names(), s.Running(), s.Locks()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	lock, err := s.Reserve(t.Context(), store.NewRecord(id, &mctr.ContainerConfig{Owner: "test"}, nil))
	if err == nil {
		err = lock.Unlock()
	}
	if err != nil {
		t.Fatal(err)
	}
	return s.Container(id)
}

// TestChangeAtOnce wants none of many changes at once to be lost.
func TestChangeAtOnce(t *testing.T) {
	c := reserved(t, store.New(t.TempDir(), t.TempDir()), "job")
	var all sync.WaitGroup
	const changes = 50
	for range changes {
		all.Go(func() {
			if err := c.Change(t.Context(), store.Revive, func(s *store.State) { s.Restarts++ }); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if s, err := c.State(); err != nil || s.Restarts != changes {
		t.Errorf("%+v, %v; want %d", s, err, changes)
	}
}

// TestChangeOfARemoved changes a container over and over while it is removed: each change is
// made, or finds nothing, and none brings anything of the container back.
func TestChangeOfARemoved(t *testing.T) {
	s := store.New(t.TempDir(), t.TempDir())
	for range 25 {
		c := reserved(t, s, "job")
		var changing sync.WaitGroup
		for range 4 {
			changing.Go(func() {
				for {
					err := c.Change(t.Context(), store.Stop, func(s *store.State) { s.Desired = store.ToStop })
					if errors.Is(err, fs.ErrNotExist) {
						return
					}
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		if err := errors.Join(c.RemoveFiles(), os.RemoveAll(c.StateDir()), c.RemoveRecords(t.Context())); err != nil {
			t.Error(err)
		}
		changing.Wait()
		if c.Exists() {
			entries, _ := os.ReadDir(c.Dir())
			t.Fatalf("it is back: %v", entries)
		}
	}
}

// TestStateOfANewerBuild refuses a state of a schema that this build does not know, and
// changes nothing in it.
func TestStateOfANewerBuild(t *testing.T) {
	c := reserved(t, store.New(t.TempDir(), t.TempDir()), "job")
	file, newer := filepath.Join(c.Dir(), "state.json"), `{"schema":99,"desired":"dance"}`
	if err := os.WriteFile(file, []byte(newer), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := c.State()
	changed := c.Change(t.Context(), store.Stop, func(s *store.State) { s.Desired = store.ToStop })
	for what, err := range map[string]error{"read": err, "change": changed} {
		if !errors.Is(err, mctr.ErrInvalid) || !strings.Contains(err.Error(), "schema 99") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != newer {
		t.Errorf("it is %s, %v", data, err)
	}
}

// TestStateKilledWhileWriting leaves what a process leaves that is killed before its first
// write: an empty file, which says nothing.
func TestStateKilledWhileWriting(t *testing.T) {
	c := reserved(t, store.New(t.TempDir(), t.TempDir()), "job")
	if err := os.WriteFile(filepath.Join(c.Dir(), "state.json"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := c.State(); err != nil || *s != (store.State{}) {
		t.Errorf("%+v, %v", s, err)
	}
	if err := c.Park(t.Context()); err != nil || !c.AwaitsFirstStart() {
		t.Errorf("%v, first start awaited %t", err, c.AwaitsFirstStart())
	}
	if phase, err := c.Phase(); err != nil || phase != mctr.Created {
		t.Errorf("%s, %v", phase, err)
	}
}
