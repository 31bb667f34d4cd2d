package store_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

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
	if err != nil {
		t.Fatal(err)
	}
	lock.Unlock()
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

// TestEndRunOfOddStates wants a release to leave a state that this build does not understand.
func TestEndRunOfOddStates(t *testing.T) {
	for _, text := range []string{"{", `{"schema":99,"run":{}}`} {
		c := reserved(t, store.New(t.TempDir(), t.TempDir()), "job")
		file := filepath.Join(c.Dir(), "state.json")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := c.EndRun(t.Context()); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if data, err := os.ReadFile(file); err != nil || string(data) != text {
			t.Errorf("%s: it is %q, %v", text, data, err)
		}
	}
}

// TestOddFiles has a directory and a pipe in the state's place: they are damage, and nothing
// waits for them.
func TestOddFiles(t *testing.T) {
	for what, make := range map[string]func(string) error{
		"directory": func(path string) error { return os.Mkdir(path, 0o700) },
		"pipe":      func(path string) error { return unix.Mkfifo(path, 0o600) },
	} {
		c := reserved(t, store.New(t.TempDir(), t.TempDir()), "job")
		file := filepath.Join(c.Dir(), "state.json")
		if err := errors.Join(os.Remove(file), make(file)); err != nil {
			t.Fatal(err)
		}
		_, err := c.State()
		changed := c.Change(t.Context(), store.Stop, func(*store.State) {})
		if !errors.Is(err, store.ErrDamaged) || !errors.Is(changed, store.ErrDamaged) {
			t.Errorf("%s: read %v, change %v", what, err, changed)
		}
		if err := c.EndRun(t.Context()); err != nil {
			t.Errorf("%s: end of the run: %v", what, err)
		}
	}
}

// TestFullDisk changes a state where there is no room for a second file.
func TestFullDisk(t *testing.T) {
	root := t.TempDir()
	if err := unix.Mount("tmpfs", root, "tmpfs", 0, "size=128k"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(root, unix.MNT_DETACH) })
	c := reserved(t, store.New(root, t.TempDir()), "job")
	if err := c.Change(t.Context(), store.FailStart, func(s *store.State) { s.StartError = "long ago" }); err != nil {
		t.Fatal(err)
	}
	filler, err := os.Create(filepath.Join(root, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n > 0; {
		n, _ = filler.Write(make([]byte, 4096))
	}
	if err := filler.Close(); err != nil {
		t.Fatal(err)
	}
	for _, desired := range []store.Desired{store.ToStop, store.ToRun} { // longer, and shorter
		err := c.Change(t.Context(), store.Stop, func(s *store.State) { s.Desired = desired })
		if s, unreadable := c.State(); err != nil || unreadable != nil || s.Desired != desired ||
			s.StartError != "long ago" {
			t.Errorf("%q: %v; it is %+v, %v", desired, err, s, unreadable)
		}
	}
}

// TestMarkForEarlierBuilds wants the mark by which an earlier build knows a container that
// waits for its first start, until it runs.
func TestMarkForEarlierBuilds(t *testing.T) {
	c := reserved(t, store.New(t.TempDir(), t.TempDir()), "job")
	marked := func() bool { _, err := os.Lstat(filepath.Join(c.Dir(), "waiting")); return err == nil }
	if err := c.Park(t.Context()); err != nil || !marked() {
		t.Errorf("%v, marked %t", err, marked())
	}
	if err := errors.Join(c.Begin(), c.Settle(t.Context())); err != nil || marked() {
		t.Errorf("%v, marked %t", err, marked())
	}
}

// TestUpgradeKeepsCounts renames a container of the first layout, whose record counts its
// restarts.
func TestUpgradeKeepsCounts(t *testing.T) {
	c := earlier(t, "awaiting")
	s := store.New(filepath.Dir(filepath.Dir(c.Dir())), filepath.Dir(filepath.Dir(c.StateDir())))
	for _, dir := range []string{s.Names(), s.Locks()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Rename(t.Context(), "other"); err != nil {
		t.Fatal(err)
	}
	if state, err := c.State(); err != nil || state.Restarts != 4 || state.Streak != 4 {
		t.Errorf("%+v, %v", state, err)
	}
}
