package volumes_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/csi"
	"github.com/mctr/mctr/csi/lifecycle"
	"github.com/mctr/mctr/csi/loopdriver"
	"github.com/mctr/mctr/csi/loopdriver/looptest"
	"github.com/mctr/mctr/csi/volumes"
)

// TestMain turns this binary into mctr-csi when it is started as one: without arguments.
func TestMain(m *testing.M) {
	if len(os.Args) == 1 {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		if err := lifecycle.Serve(ctx, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		unix.Exit(0) // at once: the race detector would wait a second
	}
	os.Exit(looptest.Main(m))
}

const mib = 1 << 20

// newDriver returns a driver with the loop plugin, whose mounts looptest looks for leaks in.
func newDriver(t *testing.T, args ...string) (*volumes.Driver, *looptest.Plugin) {
	t.Helper()
	p := looptest.Start(t, args...)
	d := volumes.New(filepath.Join(filepath.Dir(p.Dir), "root"), "/proc/self/exe")
	if err := d.Plugins.Add(csi.Registration{Plugin: csi.Plugin{Name: loopdriver.Name, Socket: p.Socket}}); err != nil {
		t.Fatal(err)
	}
	return d, p
}

// asked returns a volume called name with more options, KEY=VALUE.
func asked(name string, options ...string) mctr.NamedVolume {
	v := mctr.NamedVolume{Name: name, Driver: volumes.Name, Size: 16 * mib,
		Options: map[string]string{"plugin": loopdriver.Name}}
	for _, option := range options {
		key, value, _ := strings.Cut(option, "=")
		v.Options[key] = value
	}
	return v
}

// create makes a volume and returns it as it is recorded.
func create(t *testing.T, d *volumes.Driver, v mctr.NamedVolume) mctr.NamedVolume {
	t.Helper()
	made, err := d.Create(t.Context(), v)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// TestLife makes a volume, publishes it, expands it, and removes it; each once and again.
func TestLife(t *testing.T) {
	d, p := newDriver(t, "-strict")
	ctx := t.Context()
	v := create(t, d, asked("data", "fs_type=ext4"))
	if again := create(t, d, asked("data", "fs_type=ext4")); v.Options["volume_id"] == "" ||
		again.Options["volume_id"] != v.Options["volume_id"] {
		t.Errorf("again: %v, %v", v.Options, again.Options)
	}
	if u, err := d.Usage(ctx, v); u != nil || err != nil {
		t.Errorf("usage of an unpublished volume: %+v, %v", u, err)
	}
	var answers []string
	for range 2 {
		answer, err := d.Publish(ctx, v, "one", false)
		if err != nil {
			t.Fatal(err)
		}
		answers = append(answers, answer.Target)
	}
	at := answers[0]
	if would, err := d.TargetPath(v, "one"); at != answers[1] || at != would || err != nil {
		t.Errorf("published at %q, would be at %q, %v", answers, would, err)
	}
	if err := os.WriteFile(filepath.Join(at, "file"), make([]byte, mib), 0o600); err != nil {
		t.Error(err)
	}
	unix.Sync()
	if u, err := d.Usage(ctx, v); err != nil || u == nil || u.Bytes < mib || u.Inodes == 0 {
		t.Errorf("usage: %+v, %v", u, err)
	}
	_, err := d.Publish(ctx, v, "two", false)
	if !errors.Is(err, mctr.ErrState) || !strings.Contains(err.Error(), "held by container one") {
		t.Errorf("a second container: %v", err)
	}
	if err := d.Remove(ctx, v); !errors.Is(err, mctr.ErrState) {
		t.Errorf("removal of a volume in use: %v", err)
	}
	held, err := d.Held()
	if err != nil || len(held) != 1 || held[0].Container != "one" || held[0].Target != at {
		t.Errorf("held: %+v, %v", held, err)
	}
	for range 2 {
		if err := d.Unpublish(ctx, held[0].Key, "one"); err != nil {
			t.Error(err)
		}
	}
	grown, err := d.Expand(ctx, v, 32*mib)
	if err != nil || grown.Size < 32*mib {
		t.Errorf("expanded: %d, %v", grown.Size, err)
	}
	if err := errors.Join(d.Remove(ctx, v), d.Remove(ctx, v)); err != nil {
		t.Error(err)
	}
	if order := p.Order(); !slices.Contains(order, "DeleteVolume") {
		t.Errorf("calls: %q", order)
	}
}

// TestMadeBefore: a volume with an id is validated, and is never deleted.
func TestMadeBefore(t *testing.T) {
	d, p := newDriver(t)
	made := create(t, d, asked("made"))
	id := made.Options["volume_id"]
	other := volumes.New(t.TempDir(), "/proc/self/exe")
	plugin := csi.Plugin{Name: loopdriver.Name, Socket: p.Socket}
	if err := other.Plugins.Add(csi.Registration{Plugin: plugin}); err != nil {
		t.Fatal(err)
	}
	p.Calls()
	if _, err := other.Create(t.Context(), asked("wrong", "id=nosuch")); !errors.Is(err, mctr.ErrNotFound) {
		t.Errorf("an id that does not exist: %v", err)
	}
	before := create(t, other, asked("data", "id="+id))
	if err := other.Remove(t.Context(), before); err != nil {
		t.Error(err)
	}
	if order := p.Order(); !slices.Contains(order, "ValidateVolumeCapabilities") ||
		slices.Contains(order, "DeleteVolume") || slices.Contains(order, "CreateVolume") {
		t.Errorf("calls: %q", order)
	}
	if err := d.Remove(t.Context(), made); err != nil {
		t.Error(err)
	}
}

// TestSecrets: each call has its own secrets, which are read from their files each time.
func TestSecrets(t *testing.T) {
	d, _ := newDriver(t, "-secret=s3cret")
	dir := t.TempDir()
	v := asked("data")
	for _, call := range []string{"CreateVolume", "DeleteVolume", "ControllerPublishVolume", "NodeStageVolume",
		"NodePublishVolume", "ControllerUnpublishVolume"} {
		path := filepath.Join(dir, call)
		v.Options["secrets."+call] = "file:" + path
		if err := os.WriteFile(path, fmt.Appendf(nil, `{"token":"%s:s3cret"}`, call), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	v = create(t, d, v)
	if _, err := d.Publish(t.Context(), v, "one", false); err != nil {
		t.Error(err)
	}
	if err := d.Unpublish(t.Context(), volumes.Key(v), "one"); err != nil {
		t.Error(err)
	}
	if err := d.Remove(t.Context(), v); err != nil {
		t.Error(err)
	}
}

// TestRefuses makes nothing of a volume whose plugin is unknown, or is not there.
func TestRefuses(t *testing.T) {
	d := volumes.New(t.TempDir(), "/proc/self/exe")
	v := asked("data")
	if _, err := d.Create(t.Context(), v); !errors.Is(err, mctr.ErrNotFound) ||
		!strings.Contains(err.Error(), loopdriver.Name) {
		t.Errorf("an unknown plugin: %v", err)
	}
	socket := filepath.Join(t.TempDir(), "csi.sock")
	if err := d.Plugins.Add(csi.Registration{Plugin: csi.Plugin{Name: loopdriver.Name, Socket: socket}}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Create(ctx, v); !errors.Is(err, mctr.ErrUnavailable) || !strings.Contains(err.Error(), socket) ||
		!strings.Contains(err.Error(), "data") {
		t.Errorf("a plugin that is not there: %v", err)
	}
	if err := d.Remove(t.Context(), v); err != nil {
		t.Errorf("remove what was not made: %v", err)
	}
}

// TestStale: what a release that was cut off has left is found, and released; a volume in use is not.
func TestStale(t *testing.T) {
	d, p := newDriver(t)
	ctx := t.Context()
	used, stale := create(t, d, asked("used")), create(t, d, asked("stale"))
	for _, v := range []mctr.NamedVolume{used, stale} {
		if _, err := d.Publish(ctx, v, "one", false); err != nil {
			t.Fatal(err)
		}
	}
	p.Fault(map[string]loopdriver.Fault{"NodeUnstageVolume": {Times: 1, Code: uint32(codes.FailedPrecondition)}})
	if err := d.Unpublish(ctx, volumes.Key(stale), "one"); !errors.Is(err, mctr.ErrState) {
		t.Fatalf("unstage with a fault: %v", err)
	}
	if found, err := d.Stale(); err != nil || len(found) != 1 || found[0].Name != "stale" {
		t.Errorf("stale: %+v, %v", found, err)
	}
	if err := d.Release(ctx, loopdriver.Name); err != nil {
		t.Error(err)
	}
	if found, err := d.Stale(); err != nil || len(found) != 0 {
		t.Errorf("stale after the release: %+v, %v", found, err)
	}
	if held, err := d.Held(); err != nil || len(held) != 1 || held[0].Volume.Name != "used" {
		t.Errorf("held: %+v, %v", held, err)
	}
	if err := d.Unpublish(ctx, volumes.Key(used), "one"); err != nil {
		t.Error(err)
	}
	if err := errors.Join(d.Remove(ctx, used), d.Remove(ctx, stale)); err != nil {
		t.Error(err)
	}
}
