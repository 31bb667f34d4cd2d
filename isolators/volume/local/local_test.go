package local_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	volumestore "github.com/mctr/mctr/internal/volumes"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/isolators/isolatortest"
	"github.com/mctr/mctr/isolators/volume/local"
)

func with(v ...mctr.Volume) mctr.ContainerConfig {
	return mctr.ContainerConfig{Image: "test", Volumes: v}
}

func TestConformance(t *testing.T) {
	store := volumestore.New(volumestore.Config{Root: t.TempDir(), State: t.TempDir()})
	if _, err := store.Create(t.Context(), mctr.NamedVolume{Name: "parts"}); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(store.Data(mctr.NamedVolume{Name: "parts"})+"/part", 0o755); err != nil {
		t.Fatal(err)
	}
	several := with(mctr.Volume{Type: "local", Source: "data", Target: "/x"}, mctr.Volume{Type: "local", Target: "/y"},
		mctr.Volume{Type: "local", Source: "parts", SubPath: "part", Target: "/z"})
	isolatortest.Run(t, func() isolators.Isolator { return local.New(store) }, &several)
}

func TestCheck(t *testing.T) {
	i := local.New(volumestore.New(volumestore.Config{Root: t.TempDir(), State: t.TempDir()}))
	isolatortest.Refuses(t, i, []isolatortest.Refusal{
		{Config: with(mctr.Volume{Type: "local", Source: "../x", Target: "/x"}), Is: mctr.ErrInvalid,
			Field: "volumes.source for /x"},
		{Config: with(mctr.Volume{Type: "volume", Source: "a/b", Target: "/x"}), Is: mctr.ErrInvalid,
			Field: "volumes.source for /x"},
		{Config: with(mctr.Volume{Type: "local", Source: "a", Target: "/x", Options: []string{"size=1m"}}),
			Is: mctr.ErrInvalid, Field: "volumes.options"},
	})
	isolatortest.Accepts(t, i, with(mctr.Volume{Type: "local", Target: "/x", Options: []string{"noexec"}}),
		with(mctr.Volume{Type: "bind", Source: "../x", Target: "/x"}))
}

// TestDriver: the recorded type of a named volume is its driver.
func TestDriver(t *testing.T) {
	config := with(mctr.Volume{Type: "volume", Source: "new", Target: "/x"}, mctr.Volume{Type: "volume", Target: "/y"},
		mctr.Volume{Type: "bind", Source: "/etc", Target: "/z"})
	i := local.New(volumestore.New(volumestore.Config{Root: t.TempDir(), State: t.TempDir()}))
	if _, err := i.(isolators.Completer).Complete(t.Context(), "c", &config); err != nil {
		t.Fatal(err)
	}
	for n, want := range []string{"local", "local", "bind"} {
		if got := config.Volumes[n].Type; got != want {
			t.Errorf("volume %d: type %s, want %s", n, got, want)
		}
	}
}

// TestOptions checks the options of mounts, and that a volume without an owner of its own belongs to the
// task's user.
func TestOptions(t *testing.T) {
	config := with(mctr.Volume{Type: "local", Source: "a", Target: "/x/", ReadOnly: true, Options: []string{"noexec"}})
	config.Process.User = "5:6"
	store := volumestore.New(volumestore.Config{Root: t.TempDir(), State: t.TempDir()})
	a := isolatortest.Prepared(t, local.New(store), config)
	want := `[{"destination":"/x","type":"bind","source":"` + store.Data(mctr.NamedVolume{Name: "a"}) +
		`","options":["noexec","rbind","rprivate","rro"]}]`
	if got := isolatortest.JSON(t, a.Volumes); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	wantStat(t, store.Data(mctr.NamedVolume{Name: "a"}), unix.S_IFDIR|0o755, 5, 6)
}

// TestSubPath: a part of a volume is mounted, and a link in the volume never leads out of it.
func TestSubPath(t *testing.T) {
	store := volumestore.New(volumestore.Config{Root: t.TempDir(), State: t.TempDir()})
	i := local.New(store)
	c := isolatortest.NewContainer(t,
		with(mctr.Volume{Type: "local", Source: "v", SubPath: "link/part", Target: "/x"}))
	if _, err := store.Create(t.Context(), mctr.NamedVolume{Name: "v"}); err != nil {
		t.Fatal(err)
	}
	outside := t.TempDir()
	check(t, os.Mkdir(outside+"/part", 0o755), os.Symlink(outside, store.Data(mctr.NamedVolume{Name: "v"})+"/link"))
	_, err := i.Prepare(t.Context(), c)
	if !errors.Is(err, unix.ENOENT) || !strings.Contains(err.Error(), "link/part") {
		t.Errorf("a link out of the volume: %v, want ENOENT that names the path", err)
	}
	data := store.Data(mctr.NamedVolume{Name: "v"})
	check(t, os.Remove(data+"/link"), os.MkdirAll(data+"/real/part", 0o755),
		os.WriteFile(data+"/real/part/file", nil, 0o600), os.Symlink("/real", data+"/link"))
	a, err := i.Prepare(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(a.Volumes[0].Source, "file")); err != nil {
		t.Error(err)
	}
	check(t, i.Cleanup(t.Context(), c.Handle))
	if _, err := os.Stat(filepath.Join(a.Volumes[0].Source, "file")); err == nil {
		t.Error("the part is still mounted")
	}
}

// TestRemove: anonymous volumes go with the last container that uses them, named ones never.
func TestRemove(t *testing.T) {
	store := volumestore.New(volumestore.Config{Root: t.TempDir(), State: t.TempDir()})
	i := local.New(store)
	first := isolatortest.NewContainer(t, with(mctr.Volume{Type: "local", Target: "/x"},
		mctr.Volume{Type: "local", Source: "named", Target: "/y"}))
	first.ID = "first"
	mustPrepare(t, i, first)
	name := mctr.AnonymousVolume("first", "/x")
	second := isolatortest.NewContainer(t, with(mctr.Volume{Type: "local", Source: name, Target: "/x"}))
	second.ID = "second"
	mustPrepare(t, i, second)
	left := []mctr.ContainerID{"first", "second"}
	namedBy := func(string) (mctr.ContainerID, error) { return left[0], nil }
	remove := func(c *mctr.Container, others ...mctr.ContainerID) {
		t.Helper()
		left = append(others, "")
		check(t, i.Cleanup(t.Context(), c.Handle),
			i.(isolators.Remover).Remove(t.Context(), c.Handle, namedBy),
			i.(isolators.Remover).Remove(t.Context(), c.Handle, namedBy))
	}
	remove(first, "second")
	if _, err := store.Get(name); err != nil {
		t.Errorf("the volume of the first container, which the second uses: %v", err)
	}
	remove(second)
	if _, err := store.Get(name); !errors.Is(err, mctr.ErrNotFound) {
		t.Errorf("after the last container: %v", err)
	}
	if _, err := store.Get("named"); err != nil {
		t.Errorf("a named volume: %v", err)
	}
}

// TestUnknownUsers: what a container that does not exist uses is reported, and released by Cleanup.
func TestUnknownUsers(t *testing.T) {
	store := volumestore.New(volumestore.Config{Root: t.TempDir(), State: t.TempDir()})
	i := local.New(store)
	c := isolatortest.NewContainer(t, with(mctr.Volume{Type: "local", Source: "v", Target: "/x"}))
	mustPrepare(t, i, c)
	check(t, os.RemoveAll(c.State))
	handleOf := func(mctr.ContainerID) mctr.Handle { return c.Handle }
	found, err := i.Recover(t.Context(), nil, handleOf)
	if err != nil || len(found) != 1 || found[0].Owner != c.ID || found[0].Object != "v" {
		t.Fatalf("got %v, %v", found, err)
	}
	check(t, i.Cleanup(t.Context(), c.Handle))
	if users, err := store.Users("v"); err != nil || len(users) > 0 {
		t.Errorf("users after Cleanup: %v, %v", users, err)
	}
}

// TestEarlierVolumes: the directory in which an earlier build kept an image's volume becomes the volume.
func TestEarlierVolumes(t *testing.T) {
	c, i := withVolumes(t, mctr.ContainerConfig{}, "/data")
	earlier := filepath.Join(c.Dir, "docker", "runtime", "volumes", mctr.ContainerID("/data").Hash())
	check(t, os.MkdirAll(earlier, 0o755), os.WriteFile(earlier+"/written", nil, 0o600))
	for range 2 {
		if _, err := os.Stat(mustPrepare(t, i, c)[0].Source + "/written"); err != nil {
			t.Error(err)
		}
	}
}

// TestNoCopy: with NoCopy a volume does not begin with the image's files.
func TestNoCopy(t *testing.T) {
	c, i := withVolumes(t, with(mctr.Volume{Type: "local", Source: "v", Target: "/data", NoCopy: true}))
	check(t, os.WriteFile(c.Rootfs+"/data/file", nil, 0o600))
	entries, err := os.ReadDir(mustPrepare(t, i, c)[0].Source)
	if err != nil || slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == "file" }) {
		t.Errorf("got %v, %v", entries, err)
	}
}
