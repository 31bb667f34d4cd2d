package quota_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/helper"
	"github.com/mctr/mctr/internal/leakcheck"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/isolators/disk/quota"
	"github.com/mctr/mctr/isolators/isolatortest"
)

// TestMain makes this binary act as the helper if it is started as one.
func TestMain(m *testing.M) {
	if len(os.Environ()) == 0 { // as a helper is started
		if err := helper.Serve(os.NewFile(helper.FD, "job")); err != nil {
			os.Exit(1)
		}
		unix.Exit(0) // at once: the race detector would wait a second
	}
	os.Exit(m.Run())
}

func disk(d mctr.Disk) mctr.ContainerConfig {
	return mctr.ContainerConfig{Image: "test", Resources: mctr.Resources{Disk: d}}
}

// size is more than the least that any means can limit to.
const size = 8 << 20

func TestConformance(t *testing.T) {
	c := disk(mctr.Disk{Rootfs: new(int64(size)), End: true})
	root := filepath.Dir(t.TempDir()) // with the containers of the suite below
	isolatortest.Run(t, func() isolators.Isolator { return quota.New(root, "/proc/self/exe") }, &c)
}

func TestCheck(t *testing.T) {
	i := quota.New(t.TempDir(), "/proc/self/exe")
	imageless, readOnly := disk(mctr.Disk{Rootfs: new(int64(size))}), disk(mctr.Disk{Rootfs: new(int64(size))})
	imageless.Image, readOnly.ReadOnly = "", true
	isolatortest.Refuses(t, i, []isolatortest.Refusal{
		{Config: disk(mctr.Disk{Rootfs: new(int64(0))}), Is: mctr.ErrInvalid, Field: "resources.disk.rootfs 0"},
		{Config: disk(mctr.Disk{SandboxInodes: new(int64(-1))}), Is: mctr.ErrInvalid,
			Field: "resources.disk.sandbox_inodes -1"},
		{Config: disk(mctr.Disk{End: true, SandboxInodes: new(int64(5))}), Is: mctr.ErrInvalid,
			Field: "resources.disk.end"},
		{Config: imageless, Is: mctr.ErrInvalid, Field: "resources.disk.rootfs"},
		{Config: readOnly, Is: mctr.ErrInvalid, Field: "resources.disk.rootfs"},
		{Config: mctr.ContainerConfig{GroupResources: mctr.Resources{Disk: mctr.Disk{Sandbox: new(int64(size))}}},
			Is: mctr.ErrInvalid, Field: "group_resources.disk"},
	})
	isolatortest.Accepts(t, i, disk(mctr.Disk{}), disk(mctr.Disk{Rootfs: new(int64(size)), Sandbox: new(int64(size))}))
}

// opened returns a container whose storage is open, below root.
func opened(t *testing.T, i isolators.Isolator, root string, d mctr.Disk) *mctr.Container {
	t.Helper()
	dir, config := filepath.Join(root, "containers", "c"), disk(d)
	c := &mctr.Container{Config: &config, Handle: mctr.Handle{
		ID: "c", Dir: dir, RW: dir + "/rw", Sandbox: dir + "/sandbox", State: t.TempDir(),
	}}
	if err := errors.Join(os.MkdirAll(c.RW, 0o755), os.MkdirAll(c.Sandbox, 0o755),
		i.(isolators.StorageLimiter).OpenStorage(t.Context(), c.Handle, c.Config)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := i.(isolators.Remover).Remove(context.Background(), c.Handle, nil); err != nil {
			t.Error(err)
		}
	})
	return c
}

// TestLimits: writes beyond a limit fail, usage is reported, and what was written stays as long as the
// container does.
func TestLimits(t *testing.T) {
	root := t.TempDir()
	leaks := leakcheck.Snapshot(t, leakcheck.Scope{Names: []string{root}, Kinds: []leakcheck.Kind{leakcheck.Mount}})
	t.Cleanup(leaks.Check)
	i := quota.New(root, "/proc/self/exe")
	limits := mctr.Disk{Rootfs: new(int64(size)), Sandbox: new(int64(2 * size))}
	c := opened(t, i, root, limits)
	for dir, limit := range map[string]int{c.RW: size, c.Sandbox: 2 * size} {
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o755 {
			t.Errorf("%s: %v, %v", dir, info.Mode(), err)
		}
		err := os.WriteFile(dir+"/big", make([]byte, limit+size), 0o600)
		if !errors.Is(err, unix.ENOSPC) && !errors.Is(err, unix.EDQUOT) {
			t.Errorf("%s: %v, want ENOSPC or EDQUOT", dir, err)
		}
		if err := os.WriteFile(dir+"/mark", nil, 0o600); err != nil && !errors.Is(err, unix.EDQUOT) {
			t.Error(err)
		}
	}
	var u mctr.Usage
	if err := i.Usage(t.Context(), c.Handle, &u); err != nil || u.Rootfs == nil || u.Sandbox == nil ||
		u.Rootfs.Bytes > size || u.Rootfs.Bytes < 1<<20 || u.Sandbox.BytesLimit > 2*size ||
		u.Sandbox.BytesLimit <= size {
		t.Errorf("usage: %+v, %+v, %v", u.Rootfs, u.Sandbox, err)
	}
	if err := errors.Join(i.(isolators.StorageLimiter).OpenStorage(t.Context(), c.Handle, c.Config),
		os.WriteFile(c.Dir+"/config.json", nil, 0o600), i.Cleanup(t.Context(), c.Handle)); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(c.Sandbox + "/big"); err != nil {
		t.Errorf("after a run: %v", err)
	}
}

// TestUpdate: other resources change without the limits, and limits that a container lacks cannot be
// added while it runs.
func TestUpdate(t *testing.T) {
	root := t.TempDir()
	i := quota.New(root, "/proc/self/exe")
	c := opened(t, i, root, mctr.Disk{Sandbox: new(int64(size))})
	r := mctr.Resources{Disk: mctr.Disk{Sandbox: new(int64(size))}}
	if _, err := i.Update(t.Context(), c.Handle, &r); err != nil {
		t.Errorf("the same limits: %v", err)
	}
	r.Disk.Rootfs = new(int64(size))
	if _, err := i.Update(t.Context(), c.Handle, &r); !errors.Is(err, mctr.ErrState) ||
		!strings.Contains(err.Error(), "resources.disk.rootfs") {
		t.Errorf("a new limit: %v, want ErrState that names it", err)
	}
}

// TestEnd: a container that exceeds its limit is reported, with both numbers.
func TestEnd(t *testing.T) {
	root := t.TempDir()
	i := quota.New(root, "/proc/self/exe")
	c := opened(t, i, root, mctr.Disk{Sandbox: new(int64(size)), End: true})
	a, err := i.Prepare(t.Context(), c)
	if err != nil || !a.Watch {
		t.Fatalf("%+v, %v", a, err)
	}
	reports := make(chan mctr.Limitation, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := i.Watch(ctx, c.Handle, func(l mctr.Limitation) { reports <- l }); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(c.Sandbox+"/big", make([]byte, size+size/2), 0o600); err != nil {
		t.Fatal(err)
	}
	select {
	case l := <-reports:
		if l.Reason != mctr.ReasonDisk || !strings.Contains(l.Message, "its sandbox holds 1") ||
			!strings.HasSuffix(l.Message, "the limit is 8MiB") {
			t.Errorf("got %+v", l)
		}
	case <-ctx.Done():
		t.Error("no report")
	}
}

// TestUnknown: the limits of a container that does not exist are reported, and removed by Cleanup.
func TestUnknown(t *testing.T) {
	root := t.TempDir()
	i := quota.New(root, "/proc/self/exe")
	c := opened(t, i, root, mctr.Disk{Sandbox: new(int64(size))})
	handleOf := func(mctr.ContainerID) mctr.Handle { return c.Handle }
	known := []mctr.ContainerState{{Handle: c.Handle}}
	if found, err := i.Recover(t.Context(), known, handleOf); err != nil || len(found) > 0 {
		t.Errorf("a known container: %v, %v", found, err)
	}
	found, err := i.Recover(t.Context(), nil, handleOf)
	if err != nil || len(found) != 1 || found[0].Owner != "c" || found[0].Object != c.Sandbox {
		t.Errorf("an unknown container: %v, %v", found, err)
	}
	if err := i.Cleanup(t.Context(), c.Handle); err != nil {
		t.Error(err)
	}
	if found, err := i.Recover(t.Context(), nil, handleOf); err != nil || len(found) > 0 {
		t.Errorf("after Cleanup: %v, %v", found, err)
	}
}
