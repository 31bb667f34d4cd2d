package cephfs_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cephfs"
	"github.com/mctr/mctr/internal/cephfs/cephtest"
	"github.com/mctr/mctr/internal/helper"
	volumestore "github.com/mctr/mctr/internal/volumes"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/isolators/isolatortest"
	isolator "github.com/mctr/mctr/isolators/volume/cephfs"
)

// TestMain turns this binary into the helper when it is started as one: without environment variables.
func TestMain(m *testing.M) {
	if len(os.Environ()) == 0 {
		if err := helper.Serve(os.NewFile(helper.FD, "job")); err != nil {
			os.Exit(1)
		}
		unix.Exit(0) // at once: the race detector would wait a second
	}
	os.Exit(m.Run())
}

func with(v ...mctr.Volume) mctr.ContainerConfig {
	return mctr.ContainerConfig{Image: "test", Volumes: v}
}

// A host is a STATE, whose path is short enough for sockets, with volumes.
type host struct {
	*volumestore.Store
	mounts *cephfs.Mounts
}

func newHost(t *testing.T) host {
	t.Helper()
	state, err := os.MkdirTemp("", "cf")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, dir := range []string{"/cephfs", "/volumes", ""} { // never as a tree: it may be mounted
			if err := os.Remove(state + dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Error(err)
			}
		}
	})
	mounts := cephfs.New(cephfs.Config{State: state, MountTime: 5 * time.Second,
		Helper: &helper.Runner{Helper: "/proc/self/exe"}})
	h := host{volumestore.New(volumestore.Config{Root: t.TempDir(), State: state,
		Drivers: []mctr.VolumeDriver{mounts.Driver()}}), mounts}
	t.Cleanup(func() {
		list, err := h.List()
		check(t, err)
		for _, v := range list {
			check(t, h.Remove(context.Background(), v.Name, nil))
		}
	})
	return h
}

func (h host) isolator() isolators.Isolator { return isolator.New(h.Store, h.mounts) }

// create makes a volume in a directory of its own.
func (h host) create(t *testing.T, c *cephtest.Cluster, name string) {
	t.Helper()
	_, err := h.Create(t.Context(), mctr.NamedVolume{Name: name, Driver: "cephfs", Options: map[string]string{
		"mon": c.Monitor, "key-file": c.KeyFile, "directory": name + "/part", "create": "true"}})
	if err != nil {
		t.Fatal(err)
	}
}

// TestCluster runs what needs a cluster, one for all.
func TestCluster(t *testing.T) {
	c := cephtest.Start(t, cephtest.Memory)
	t.Run("conformance", func(t *testing.T) {
		h := newHost(t)
		h.create(t, c, "v")
		keep := isolatortest.NewContainer(t, with(mctr.Volume{Type: "cephfs", Source: "v", Target: "/x"}))
		keep.ID = "keeper" // shares its mount, which saves the time to mount for each check
		if _, err := h.isolator().Prepare(t.Context(), keep); err != nil {
			t.Fatal(err)
		}
		defer func() { check(t, h.isolator().Cleanup(context.Background(), keep.Handle)) }()
		config := with(mctr.Volume{Type: "cephfs", Source: "v", Target: "/x"})
		isolatortest.Run(t, h.isolator, &config)
	})
	t.Run("volumes", func(t *testing.T) { testVolumes(t, c) })
	t.Run("client killed", func(t *testing.T) { testClientKilled(t, c) })
}

func TestCheck(t *testing.T) {
	i := newHost(t).isolator()
	isolatortest.Refuses(t, i, []isolatortest.Refusal{
		{Config: with(mctr.Volume{Type: "cephfs", Target: "/x"}), Is: mctr.ErrInvalid, Field: "volumes.source for /x"},
		{Config: with(mctr.Volume{Type: "cephfs", Source: "a", Target: "/x", Options: []string{"size=1m"}}),
			Is: mctr.ErrInvalid, Field: "volumes.options"},
	})
	isolatortest.Accepts(t, i,
		with(mctr.Volume{Type: "cephfs", Source: "a", Target: "/x", Options: []string{"noexec"}}),
		with(mctr.Volume{Type: "local", Target: "/x"}))
}

// testVolumes: a volume is in its directory, a part of it is bound alone, a volume in use stays, and a
// container with a volume that does not exist is refused.
func testVolumes(t *testing.T, c *cephtest.Cluster) {
	h := newHost(t)
	h.create(t, c, "w")
	i := h.isolator()
	box := isolatortest.NewContainer(t, with(mctr.Volume{Type: "cephfs", Source: "w", Target: "/w", ReadOnly: true},
		mctr.Volume{Type: "cephfs", Source: "w", Target: "/sub", SubPath: "sub"}))
	_, err := i.Prepare(t.Context(), box)
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "mount volume w at /sub") {
		t.Errorf("a part that does not exist: %v", err)
	}
	whole := filepath.Join(box.State, "volume/cephfs/mounts/0")
	check(t, os.Mkdir(whole+"/sub", 0o755), os.WriteFile(whole+"/sub/file", nil, 0o600))
	a, err := i.Prepare(t.Context(), box)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(a.Volumes[1].Source + "/file"); err != nil || a.Volumes[0].Source != whole {
		t.Errorf("%v, and the mounts are %v", err, a.Volumes)
	}
	if err := h.Remove(t.Context(), "w", nil); !errors.Is(err, mctr.ErrState) {
		t.Errorf("a volume in use is removed: %v", err)
	}
	check(t, i.Cleanup(t.Context(), box.Handle), h.Remove(t.Context(), "w", nil))
	if _, err := i.Prepare(t.Context(), box); !errors.Is(err, mctr.ErrNotFound) {
		t.Errorf("a volume that does not exist: %v", err)
	}
	check(t, i.Cleanup(t.Context(), box.Handle))
}

// testClientKilled: Status warns of a dead mount, and the container that starts again gets a new one.
func testClientKilled(t *testing.T, c *cephtest.Cluster) {
	h := newHost(t)
	h.create(t, c, "v")
	i := h.isolator()
	box := isolatortest.NewContainer(t, with(mctr.Volume{Type: "cephfs", Source: "v", Target: "/v"}))
	warnings := func() []string {
		s := &mctr.Status{}
		check(t, i.Status(t.Context(), box.Handle, s))
		return s.Warnings
	}
	a, err := i.Prepare(t.Context(), box)
	if err != nil || len(warnings()) > 0 {
		t.Fatalf("%v, %q", err, warnings())
	}
	c.KillClients()
	if got := warnings(); len(got) != 1 || !strings.Contains(got[0], "dead") || !strings.Contains(got[0], c.Monitor) {
		t.Errorf("warnings: %q", got)
	}
	if _, err := os.Stat(a.Volumes[0].Source); !errors.Is(err, unix.ENOTCONN) {
		t.Errorf("the old mount: %v", err)
	}
	check(t, i.Cleanup(t.Context(), box.Handle))
	a, err = i.Prepare(t.Context(), box)
	if err != nil {
		t.Fatal(err)
	}
	check(t, os.WriteFile(a.Volumes[0].Source+"/file", nil, 0o600), i.Cleanup(t.Context(), box.Handle))
}

func check(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}
