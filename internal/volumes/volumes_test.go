package volumes_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/failpoint"
	"github.com/mctr/mctr/internal/volumes"
)

// crash is the environment variable that makes this binary run a step on the store below a directory.
const crash = "MCTR_TEST_VOLUMES_CRASH"

// TestMain makes this binary the process that a failpoint kills.
func TestMain(m *testing.M) {
	if dir := os.Getenv(crash); dir != "" {
		if err := steps[os.Args[1]](open(dir)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func open(dir string) *volumes.Store {
	return volumes.New(volumes.Config{Root: dir + "/root", State: dir + "/state", Helper: "/proc/self/exe",
		Drivers: []mctr.VolumeDriver{fakeDriver{dir}}})
}

var steps = map[string]func(*volumes.Store) error{
	"create": func(s *volumes.Store) error {
		_, err := s.Create(ctx, mctr.NamedVolume{Name: "v"})
		return err
	},
	"use": func(s *volumes.Store) error {
		_, err := s.Use(ctx, mctr.NamedVolume{Name: "v"}, "c", content("from the image"))
		return err
	},
	"create by the driver": func(s *volumes.Store) error {
		_, err := s.Create(ctx, mctr.NamedVolume{Name: "v", Driver: "fake"})
		return err
	},
	"remove": func(s *volumes.Store) error { return s.Remove(ctx, "v", nil) },
}

var ctx = context.Background()

func content(text string) *volumes.Content {
	return &volumes.Content{Files: true, Write: func(dir string) error {
		return errors.Join(os.WriteFile(dir+"/a", []byte(text), 0o600), os.WriteFile(dir+"/b", []byte(text), 0o600))
	}}
}

func read(t *testing.T, dir string) string {
	t.Helper()
	a, errA := os.ReadFile(dir + "/a")
	b, errB := os.ReadFile(dir + "/b")
	if string(a) != string(b) || (errA == nil) != (errB == nil) {
		t.Errorf("a is %q, %v; b is %q, %v: one is missing", a, errA, b, errB)
	}
	return string(a)
}

func TestCreate(t *testing.T) {
	s := open(t.TempDir())
	v, err := s.Create(ctx, mctr.NamedVolume{Name: "v", Labels: map[string]string{"a": "b"}})
	if err != nil || v.Driver != mctr.DriverLocal || v.Created.IsZero() {
		t.Fatalf("got %+v, %v", v, err)
	}
	if again, err := s.Create(ctx, mctr.NamedVolume{Name: "v", Labels: map[string]string{"a": "b"}}); err != nil ||
		!again.Created.Equal(v.Created) {
		t.Errorf("the same again: %+v, %v; want the volume that exists", again, err)
	}
	for _, other := range []mctr.NamedVolume{{Name: "v"}, {Name: "v", Driver: "fake", Labels: v.Labels}} {
		if _, err := s.Create(ctx, other); !errors.Is(err, mctr.ErrExists) {
			t.Errorf("%+v: %v, want ErrExists", other, err)
		}
	}
	if info, err := os.Stat(s.Data(mctr.NamedVolume{Name: "v"})); err != nil || info.Mode() != os.ModeDir|0o755 {
		t.Errorf("data: %v, %v", info, err)
	}
	list, err := s.List()
	if err != nil || len(list) != 1 || list[0].Labels["a"] != "b" {
		t.Errorf("list: %+v, %v", list, err)
	}
}

func TestNames(t *testing.T) {
	s := open(t.TempDir())
	for _, name := range []string{"", ".", "..", "a/b", "/abs", "../x", ".new-x", "-x", "a b", "ü",
		strings.Repeat("x", 241)} {
		_, created := s.Create(ctx, mctr.NamedVolume{Name: name})
		_, used := s.Use(ctx, mctr.NamedVolume{Name: name}, "c", nil)
		for verb, err := range map[string]error{"create": created, "use": used, "remove": s.Remove(ctx, name, nil)} {
			if !errors.Is(err, mctr.ErrInvalid) {
				t.Errorf("%s %q: %v, want ErrInvalid", verb, name, err)
			}
		}
	}
	if _, err := s.Create(ctx, mctr.NamedVolume{Name: strings.Repeat("x", 240)}); err != nil {
		t.Errorf("the longest name: %v", err)
	}
}

// TestContent: an empty volume begins with the content, once; a volume with files keeps them.
func TestContent(t *testing.T) {
	s := open(t.TempDir())
	use := func(name string, by mctr.ContainerID, c *volumes.Content) string {
		t.Helper()
		dir, err := s.Use(ctx, mctr.NamedVolume{Name: name}, by, c)
		if err != nil {
			t.Fatal(err)
		}
		return dir
	}
	if got := read(t, use("made", "c1", content("first"))); got != "first" {
		t.Errorf("a volume that is made: %q", got)
	}
	if _, err := s.Create(ctx, mctr.NamedVolume{Name: "empty"}); err != nil {
		t.Fatal(err)
	}
	dir := use("empty", "c1", content("first"))
	if got := read(t, dir); got != "first" {
		t.Errorf("a volume that is empty: %q", got)
	}
	if got := read(t, use("empty", "c2", content("second"))); got != "first" {
		t.Errorf("a volume with files: %q", got)
	}
	for _, f := range []string{"/a", "/b"} {
		if err := os.Remove(dir + f); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, use("empty", "c3", content("third"))); got != "" {
		t.Errorf("a volume that a container has emptied and others use was filled: %q", got)
	}
	failing := &volumes.Content{Files: true, Write: func(dir string) error {
		return errors.Join(os.WriteFile(dir+"/a", nil, 0o600), unix.ENOSPC)
	}}
	for _, id := range []mctr.ContainerID{"c1", "c2", "c3"} {
		if err := s.Release(ctx, "empty", id); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"empty", "new"} {
		if _, err := s.Use(ctx, mctr.NamedVolume{Name: name}, "c", failing); !errors.Is(err, unix.ENOSPC) {
			t.Errorf("%s: %v, want ENOSPC", name, err)
		}
		if got := read(t, use(name, "c", content("whole"))); got != "whole" {
			t.Errorf("%s, after content that failed: %q", name, got)
		}
	}
}

// TestOwner: content without files sets the owner of a volume as it was made, and of no other.
func TestOwner(t *testing.T) {
	s := open(t.TempDir())
	own := &volumes.Content{Write: func(dir string) error { return os.Chown(dir, 5, 6) }}
	for name, owner := range map[string]int{"fresh": 0, "chowned": 7} {
		if _, err := s.Create(ctx, mctr.NamedVolume{Name: name}); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(s.Data(mctr.NamedVolume{Name: name}), owner, owner); err != nil {
			t.Fatal(err)
		}
		dir, err := s.Use(ctx, mctr.NamedVolume{Name: name}, "c", own)
		if err != nil {
			t.Fatal(err)
		}
		want := uint32(owner)
		if owner == 0 {
			want = 5
		}
		var st unix.Stat_t
		if err := unix.Stat(dir, &st); err != nil || st.Uid != want {
			t.Errorf("%s: owner %d, %v; want %d", name, st.Uid, err, want)
		}
	}
}

func TestRemove(t *testing.T) {
	dir := t.TempDir()
	s := open(dir)
	if err := s.Remove(ctx, "v", nil); !errors.Is(err, mctr.ErrNotFound) {
		t.Errorf("a volume that does not exist: %v", err)
	}
	data, err := s.Use(ctx, mctr.NamedVolume{Name: "v"}, "user-of-v", content("x"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(ctx, "v", nil); !errors.Is(err, mctr.ErrState) || !strings.Contains(err.Error(), "user-of-v") {
		t.Errorf("in use: %v, want ErrState that names the container", err)
	}
	if err := errors.Join(s.Release(ctx, "v", "user-of-v"), s.Release(ctx, "v", "user-of-v"),
		os.Mkdir(data+"/m", 0o755),
		unix.Mount("tmpfs", data+"/m", "tmpfs", 0, "size=4k"),
		os.WriteFile(data+"/m/precious", nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	err = s.Remove(ctx, "v", nil)
	_, lost := os.Stat(data + "/m/precious")
	if err := unix.Unmount(data+"/m", 0); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(err, mctr.ErrState) || !strings.Contains(err.Error(), data+"/m is a mount point") || lost != nil {
		t.Errorf("with a mount in it: %v, want ErrState that names the mount; its file: %v", err, lost)
	}
	refused := errors.New("named by a container")
	if err := s.Remove(ctx, "v", func() error { return refused }); !errors.Is(err, refused) {
		t.Errorf("named by a container: %v", err)
	}
	if got := read(t, data); got != "x" {
		t.Errorf("a volume that could not be removed has %q", got)
	}
	if err := s.Remove(ctx, "v", nil); err != nil {
		t.Fatal(err)
	}
	for _, left := range []string{"/root/volumes", "/state/volumes"} {
		if entries, err := os.ReadDir(dir + left); err != nil || len(entries) > 0 {
			t.Errorf("%s has %v, %v", left, entries, err)
		}
	}
}

// TestNewerRecord: a volume of a newer build is left alone, and is listed as an error.
func TestNewerRecord(t *testing.T) {
	s := open(t.TempDir())
	data, err := s.Use(ctx, mctr.NamedVolume{Name: "v"}, "c", content("x"))
	if err != nil {
		t.Fatal(err)
	}
	record := filepath.Join(filepath.Dir(data), "volume.json")
	for text, want := range map[string]error{
		`{"schema":99,"name":"v","driver":"local"}`: mctr.ErrUnsupported,
		`{"schema":1,"name":"w","driver":"local"}`:  mctr.ErrInvalid,
		`{"schema":1,"na`:                           nil,
	} {
		if err := os.WriteFile(record, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, used := s.Use(ctx, mctr.NamedVolume{Name: "v"}, "c", content("other"))
		_, created := s.Create(ctx, mctr.NamedVolume{Name: "v"})
		_, listed := s.List()
		for verb, err := range map[string]error{"use": used, "create": created, "list": listed,
			"remove": s.Remove(ctx, "v", nil)} {
			if err == nil || want != nil && !errors.Is(err, want) || !strings.Contains(err.Error(), record) {
				t.Errorf("%s: %s: %v, want %v that names the record", text, verb, err, want)
			}
		}
		if now, err := os.ReadFile(record); err != nil || string(now) != text || read(t, data) != "x" {
			t.Errorf("%s was changed to %s, or the files were: %v", text, now, err)
		}
	}
}

// TestKilled kills a process at each point, and then does the same whole.
func TestKilled(t *testing.T) {
	for _, c := range []struct{ step, point string }{
		{"create", "volume/made"}, {"use", "volume/made"}, {"use", "volume/used"}, {"use", "volume/copying"},
		{"use", "volume/copied"}, {"remove", "volume/discarded"},
	} {
		t.Run(c.step+" "+c.point, func(t *testing.T) {
			dir := t.TempDir()
			s := open(dir)
			if strings.Contains(c.point, "cop") || c.step == "remove" {
				if _, err := s.Create(ctx, mctr.NamedVolume{Name: "v"}); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.Command("/proc/self/exe", c.step)
			cmd.Env = []string{crash + "=" + dir, failpoint.Env + "=" + c.point + "=kill"}
			if out, err := cmd.CombinedOutput(); err == nil || cmd.ProcessState.ExitCode() != -1 {
				t.Fatalf("not killed: %v: %s", err, out)
			}
			if found, err := s.Leftovers(func(mctr.ContainerID) bool { return false }); err != nil {
				t.Error(err)
			} else {
				for _, l := range found {
					if l.Owner != "" {
						err = s.Release(ctx, l.Object, l.Owner)
					} else {
						err = s.Undo(ctx, l)
					}
					if err != nil {
						t.Errorf("undo %s: %v", l, err)
					}
				}
			}
			if left, err := s.Leftovers(func(mctr.ContainerID) bool { return false }); err != nil || len(left) > 0 {
				t.Errorf("left after undoing: %v, %v", left, err)
			}
			if got, err := s.Use(ctx, mctr.NamedVolume{Name: "v"}, "d", content("whole")); err != nil {
				t.Error(err)
			} else if text := read(t, got); text != "whole" && text != "from the image" {
				t.Errorf("the volume has %q", text)
			}
			if err := errors.Join(s.Release(ctx, "v", "d"), s.Remove(ctx, "v", nil)); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestUndoOnlyHalves: Undo refuses everything but a volume that is half made or half removed.
func TestUndoOnlyHalves(t *testing.T) {
	dir := t.TempDir()
	s := open(dir)
	if _, err := s.Create(ctx, mctr.NamedVolume{Name: "v"}); err != nil {
		t.Fatal(err)
	}
	for _, l := range []mctr.Leftover{{Kind: "directory", Object: dir + "/root/volumes/v"},
		{Kind: "directory", Object: "/elsewhere/.new-v"}, {Kind: "mount", Object: dir + "/root/volumes/.new-v"}} {
		if err := s.Undo(ctx, l); !errors.Is(err, mctr.ErrUnsupported) {
			t.Errorf("%s: %v", l, err)
		}
	}
	if _, err := s.Get("v"); err != nil {
		t.Error(err)
	}
}

// TestTogether makes, uses and removes one volume in several goroutines, which lock files of their own
// as processes do.
func TestTogether(t *testing.T) {
	dir := t.TempDir()
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			s, id := open(dir), mctr.ContainerID(fmt.Sprint("c", n))
			for range 20 {
				data, err := s.Use(ctx, mctr.NamedVolume{Name: "v"}, id, content("x"))
				if err != nil {
					t.Error(err)
					return
				}
				if read(t, data) != "x" {
					t.Error("a volume in use is not complete")
				}
				if err := s.Release(ctx, "v", id); err != nil {
					t.Error(err)
				}
				err = s.Remove(ctx, "v", nil)
				if err != nil && !errors.Is(err, mctr.ErrState) && !errors.Is(err, mctr.ErrNotFound) {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}
