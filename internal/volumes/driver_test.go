package volumes_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/failpoint"
	"github.com/mctr/mctr/internal/volumes"
)

// fakeDriver keeps its storage in a directory, so that it outlives a process.
type fakeDriver struct{ dir string }

func (fakeDriver) Name() string { return "fake" }

func (d fakeDriver) Create(_ context.Context, v mctr.NamedVolume) (mctr.NamedVolume, error) {
	if v.Options["fail"] != "" {
		return v, errors.Join(os.WriteFile(d.dir+"/"+v.Name, nil, 0o600), unix.EIO)
	}
	v.Options = map[string]string{"asked": v.Options["asked"], "handle": "h-" + v.Name}
	return v, errors.Join(os.WriteFile(d.dir+"/"+v.Name, nil, 0o600), failpoint.Hit("fake/created"))
}

func (d fakeDriver) Remove(_ context.Context, v mctr.NamedVolume) error {
	err := os.Remove(d.dir + "/" + v.Name)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

func (fakeDriver) Usage(context.Context, mctr.NamedVolume) (*mctr.VolumeUsage, error) {
	return &mctr.VolumeUsage{Bytes: 7}, nil
}

// TestDriver: the driver makes and removes the storage, keeps what it added to the options, and undoes
// what it could not finish.
func TestDriver(t *testing.T) {
	dir := t.TempDir()
	d := fakeDriver{t.TempDir()}
	s := volumes.New(volumes.Config{Root: dir + "/root", State: dir + "/state", Drivers: []mctr.VolumeDriver{d}})
	storage := func() bool { _, err := os.Lstat(d.dir + "/v"); return err == nil }
	asked := mctr.NamedVolume{Name: "v", Driver: "fake", Options: map[string]string{"asked": "yes"}}
	for range 2 { // the second time, it exists
		v, err := s.Create(ctx, asked)
		if err != nil || v.Options["handle"] != "h-v" || !storage() {
			t.Fatalf("got %+v, %v", v, err)
		}
	}
	if v, err := s.Get("v"); err != nil || v.Options["handle"] != "h-v" {
		t.Errorf("recorded: %+v, %v", v, err)
	}
	if u, err := s.Usage(ctx, asked); err != nil || u.Bytes != 7 {
		t.Errorf("usage: %+v, %v", u, err)
	}
	if _, err := s.Use(ctx, mctr.NamedVolume{Name: "v"}, "c", nil); !errors.Is(err, mctr.ErrInvalid) {
		t.Errorf("used as a local one: %v", err)
	}
	if v, err := s.Hold(ctx, "v", "fake", "c"); err != nil || v.Options["handle"] != "h-v" {
		t.Errorf("held: %+v, %v", v, err)
	}
	if err := s.Remove(ctx, "v", nil); !errors.Is(err, mctr.ErrState) {
		t.Errorf("removed while a container holds it: %v", err)
	}
	_, other := s.Hold(ctx, "v", "other", "c")
	_, none := s.Hold(ctx, "none", "fake", "c")
	if !errors.Is(other, mctr.ErrInvalid) || !errors.Is(none, mctr.ErrNotFound) {
		t.Errorf("held of another driver: %v; one that does not exist: %v", other, none)
	}
	if err := s.Release(ctx, "v", "c"); err != nil {
		t.Error(err)
	}
	if err := s.Remove(ctx, "v", nil); err != nil || storage() {
		t.Errorf("remove: %v; the storage is there: %t", err, storage())
	}
	asked.Options = map[string]string{"fail": "yes"}
	if _, err := s.Create(ctx, asked); !errors.Is(err, unix.EIO) || storage() {
		t.Errorf("a driver that fails: %v; the storage is there: %t", err, storage())
	}
	if left, err := s.Leftovers(nil); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	asked.Driver = "other"
	if _, err := s.Create(ctx, asked); !errors.Is(err, mctr.ErrInvalid) ||
		!strings.Contains(err.Error(), "want one of local, fake") {
		t.Errorf("an unknown driver: %v", err)
	}
}

// TestDriverKilled: the storage of a process that was killed is found by its record, and removed.
func TestDriverKilled(t *testing.T) {
	for _, point := range []string{"volume/recorded", "fake/created"} {
		dir := t.TempDir()
		cmd := exec.Command("/proc/self/exe", "create by the driver")
		cmd.Env = []string{crash + "=" + dir, failpoint.Env + "=" + point + "=kill"}
		if out, err := cmd.CombinedOutput(); err == nil || cmd.ProcessState.ExitCode() != -1 {
			t.Fatalf("not killed: %v: %s", err, out)
		}
		s := open(dir)
		left, err := s.Leftovers(nil)
		if err != nil || len(left) != 1 {
			t.Fatalf("%s: left: %v, %v", point, left, err)
		}
		if err := s.Undo(ctx, left[0]); err != nil {
			t.Error(err)
		}
		if _, err := os.Lstat(dir + "/v"); err == nil {
			t.Errorf("%s: the storage is there", point)
		}
	}
}
