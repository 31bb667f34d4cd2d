package reconcile

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/store"
)

// TestRemovedDuringScan looks at a container that was removed after the directories were
// read: nothing is left of it, and nothing has failed.
func TestRemovedDuringScan(t *testing.T) {
	s := &scan{
		Scanner: &Scanner{Store: store.New(t.TempDir(), t.TempDir())}, seen: map[mctr.ContainerID]mctr.Phase{},
	}
	if err := s.record("job", s.Store.Container("job").Dir()); err != nil || len(s.found) > 0 {
		t.Errorf("%v, found %v", err, s.found)
	}
}

// TestMadeDuringScan makes containers between a look that finds only their names and locks,
// as it does of those that are just being made, and the removal of what it found: both stay.
func TestMadeDuringScan(t *testing.T) {
	s := &Scanner{Store: store.New(t.TempDir(), t.TempDir())}
	for _, dir := range []string{s.Store.Containers(), s.Store.Names(), s.Store.Running(), s.Store.Locks()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	files := []string{filepath.Join(s.Store.Names(), "web"), filepath.Join(s.Store.Locks(), "job")}
	for _, file := range files {
		if err := os.WriteFile(file, []byte("job"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	one := &scan{Scanner: s, seen: map[mctr.ContainerID]mctr.Phase{}}
	for _, look := range []func(context.Context) error{one.names, one.files} {
		if err := look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(one.found) != len(files) {
		t.Fatalf("found %v", one.found)
	}
	lock, err := s.Store.Container("job").Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(s.Store.Container("job").Dir(), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := s.Sweep(t.Context(), one.found); err != nil {
		t.Error(err)
	}
	for _, file := range files {
		if _, err := os.Lstat(file); err != nil {
			t.Errorf("of a living container: %v", err)
		}
	}
	if err := os.Remove(s.Store.Container("job").Dir()); err != nil {
		t.Fatal(err)
	}
	lock.Unlock()
	if err := s.Sweep(t.Context(), one.found); err != nil {
		t.Error(err)
	}
	for _, file := range files {
		if _, err := os.Lstat(file); err == nil {
			t.Errorf("%s of no container is left", file)
		}
	}
}
