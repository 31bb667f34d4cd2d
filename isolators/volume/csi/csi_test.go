package csi_test

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

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"

	"github.com/mctr/mctr"
	csimechanism "github.com/mctr/mctr/csi"
	"github.com/mctr/mctr/csi/lifecycle"
	"github.com/mctr/mctr/csi/loopdriver"
	"github.com/mctr/mctr/csi/loopdriver/looptest"
	csivolumes "github.com/mctr/mctr/csi/volumes"
	"github.com/mctr/mctr/internal/helper"
	"github.com/mctr/mctr/internal/volumes"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/isolators/isolatortest"
	"github.com/mctr/mctr/isolators/volume/csi"
)

// TestMain makes this binary act as mctr-helper without an environment, and as mctr-csi without arguments.
func TestMain(m *testing.M) {
	switch {
	case len(os.Environ()) == 0:
		if err := helper.Serve(os.NewFile(helper.FD, "job")); err != nil {
			os.Exit(1)
		}
		unix.Exit(0) // at once: the race detector would wait a second
	case len(os.Args) == 1:
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		if err := lifecycle.Serve(ctx, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		unix.Exit(0)
	}
	os.Exit(looptest.Main(m))
}

// A host has named volumes, and a plugin whose mounts looptest looks for leaks in.
type host struct {
	t      *testing.T
	plugin *looptest.Plugin
	csi.Deps
}

func newHost(t *testing.T, args ...string) *host {
	t.Helper()
	h := &host{t: t, plugin: looptest.Start(t, args...)}
	root := filepath.Join(filepath.Dir(h.plugin.Dir), "root")
	h.Jobs, h.Driver = &helper.Runner{Helper: "/proc/self/exe"}, csivolumes.New(root, "/proc/self/exe")
	h.Named = volumes.New(volumes.Config{Root: root, State: t.TempDir(), Drivers: []mctr.VolumeDriver{h.Driver}})
	plugin := csimechanism.Plugin{Name: loopdriver.Name, Socket: h.plugin.Socket}
	if err := h.Driver.Plugins.Add(csimechanism.Registration{Plugin: plugin}); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *host) isolator() isolators.Isolator { return csi.New(h.Deps) }

// create makes a volume with more options, KEY=VALUE, which is removed after the test.
func (h *host) create(name string, options ...string) {
	h.t.Helper()
	v := mctr.NamedVolume{Name: name, Driver: csivolumes.Name, Options: map[string]string{"plugin": loopdriver.Name}}
	for _, option := range options {
		key, value, _ := strings.Cut(option, "=")
		v.Options[key] = value
	}
	if _, err := h.Named.Create(h.t.Context(), v); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		if err := h.Named.Remove(context.Background(), name, nil); err != nil {
			h.t.Error(err)
		}
	})
}

// prepare returns a container with volumes, prepared; it is cleaned up after the test.
func (h *host) prepare(v ...mctr.Volume) (*mctr.Container, *mctr.Adjustment) {
	h.t.Helper()
	c := isolatortest.NewContainer(h.t, with(v...))
	h.t.Cleanup(func() {
		if err := h.isolator().Cleanup(context.Background(), c.Handle); err != nil {
			h.t.Error(err)
		}
	})
	a, err := h.isolator().Prepare(h.t.Context(), c)
	if err != nil {
		h.t.Fatal(err)
	}
	return c, a
}

func with(v ...mctr.Volume) mctr.ContainerConfig {
	return mctr.ContainerConfig{Image: "test", Volumes: v}
}

// data is the volume called data.
func data() mctr.Volume { return mctr.Volume{Type: "csi", Source: "data", Target: "/data"} }

// TestConformance runs the suite with a plugin that has every call, and with one that only binds.
func TestConformance(t *testing.T) {
	for name, args := range map[string][]string{"full": nil, "bind": {"-bind"}} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, args...)
			h.create("data", "access_mode=multi_node_multi_writer")
			v := data()
			v.ReadOnly = name == "bind"
			config := with(v)
			isolatortest.Run(t, h.isolator, &config)
		})
	}
}

func TestCheck(t *testing.T) {
	h := newHost(t)
	h.create("block", "access_type=block")
	if _, err := h.Named.Create(t.Context(), mctr.NamedVolume{Name: "here"}); err != nil {
		t.Fatal(err)
	}
	of := func(source string) mctr.Volume { return mctr.Volume{Type: "csi", Source: source, Target: "/x"} }
	part, option := of("block"), of("block")
	part.SubPath, option.Options = "part", []string{"size=1m"}
	isolatortest.Refuses(t, h.isolator(), []isolatortest.Refusal{
		{Config: with(of("")), Is: mctr.ErrInvalid, Field: "volumes.source for /x"},
		{Config: with(of("a/b")), Is: mctr.ErrInvalid, Field: "volumes.source for /x"},
		{Config: with(of("nosuch")), Is: mctr.ErrInvalid, Field: "volumes.source for /x"},
		{Config: with(of("here")), Is: mctr.ErrInvalid, Field: "volumes.source for /x"},
		{Config: with(part), Is: mctr.ErrInvalid, Field: "volumes.sub_path of /x"},
		{Config: with(option), Is: mctr.ErrInvalid, Field: "volumes.options"},
	})
	isolatortest.Accepts(t, h.isolator(), with(of("block")))
}

// TestMounts publishes a volume for writing, and binds it read-only and in part too.
func TestMounts(t *testing.T) {
	h := newHost(t)
	h.create("data")
	readonly, part := data(), data()
	readonly.ReadOnly, readonly.Target = true, "/readonly"
	c, a := h.prepare(data(), readonly)
	target := a.Volumes[0].Source
	if a.Volumes[1].Source != target || !slices.Contains(a.Volumes[1].Options, "rro") ||
		slices.Contains(a.Volumes[0].Options, "rro") {
		t.Errorf("mounts: %+v", a.Volumes)
	}
	if err := errors.Join(os.MkdirAll(target+"/a/b", 0o755), os.Symlink("/etc", target+"/link")); err != nil {
		t.Fatal(err)
	}
	if err := h.isolator().Cleanup(t.Context(), c.Handle); err != nil {
		t.Fatal(err)
	}
	part.SubPath = "a"
	_, a = h.prepare(part)
	if _, err := os.Stat(a.Volumes[0].Source + "/b"); err != nil || a.Volumes[0].Source == target {
		t.Errorf("a part: %+v, %v", a.Volumes, err)
	}
	h.plugin.Calls()
}

// TestLink: a link in the volume does not lead out of it.
func TestLink(t *testing.T) {
	h := newHost(t)
	h.create("data")
	c, a := h.prepare(data())
	if err := os.Symlink("/etc", a.Volumes[0].Source+"/link"); err != nil {
		t.Fatal(err)
	}
	v := data()
	v.SubPath = "link"
	c.Config.Volumes = []mctr.Volume{v}
	if a, err := h.isolator().Prepare(t.Context(), c); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %+v, %v", a, err)
	}
}

// TestReadOnly: a volume that is only read is published so, and one that may not be written is refused
// for writing.
func TestReadOnly(t *testing.T) {
	h := newHost(t)
	h.create("data")
	v := data()
	v.ReadOnly = true
	_, a := h.prepare(v)
	if err := os.Mkdir(a.Volumes[0].Source+"/x", 0o755); !errors.Is(err, unix.EROFS) {
		t.Errorf("write: %v, want EROFS", err)
	}
	h.create("always", "readonly=true")
	_, a = h.prepare(mctr.Volume{Type: "csi", Source: "always", Target: "/x"})
	if err := os.Mkdir(a.Volumes[0].Source+"/x", 0o755); !errors.Is(err, unix.EROFS) {
		t.Errorf("write to a volume that is always read-only: %v, want EROFS", err)
	}
	h.create("fixed", "access_mode=single_node_reader_only")
	fixed := mctr.Volume{Type: "csi", Source: "fixed", Target: "/x"}
	c := isolatortest.NewContainer(t, with(fixed))
	if _, err := h.isolator().Prepare(t.Context(), c); !errors.Is(err, mctr.ErrInvalid) {
		t.Errorf("for writing: %v", err)
	}
	if err := h.isolator().Cleanup(t.Context(), c.Handle); err != nil {
		t.Error(err)
	}
}

// TestBlock gives the container the device and the right to open it.
func TestBlock(t *testing.T) {
	h := newHost(t)
	h.create("data", "access_type=block")
	v := data()
	v.Target = "/dev/disk"
	_, a := h.prepare(v)
	var st unix.Stat_t
	if err := unix.Stat(a.Volumes[0].Source, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFBLK {
		t.Fatalf("mode %o, %v", st.Mode, err)
	}
	want := fmt.Sprintf(`[{"allow":true,"type":"b","major":%d,"minor":%d,"access":"rwm"}]`, unix.Major(st.Rdev),
		unix.Minor(st.Rdev))
	if got := isolatortest.JSON(t, a.Spec.Linux.Resources.Devices); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestInUse names volume, node and holder if a volume of one writer is in use.
func TestInUse(t *testing.T) {
	h := newHost(t)
	h.create("data")
	holder, _ := h.prepare(data())
	c := isolatortest.NewContainer(t, with(data()))
	c.ID = "second"
	_, err := h.isolator().Prepare(t.Context(), c)
	for _, text := range []string{`"data"`, "node-1", "held by container " + string(holder.ID)} {
		if !errors.Is(err, mctr.ErrState) || !strings.Contains(err.Error(), text) {
			t.Errorf("%v: want %s", err, text)
		}
	}
	if err := h.isolator().Cleanup(t.Context(), c.Handle); err != nil {
		t.Error(err)
	}
}

// TestDryRun has nothing done.
func TestDryRun(t *testing.T) {
	h := newHost(t)
	h.create("data")
	h.plugin.Calls()
	c := isolatortest.NewContainer(t, with(data()))
	c.DryRun = true
	a, err := h.isolator().Prepare(t.Context(), c)
	if err != nil || !strings.Contains(a.Volumes[0].Source, "/csi/targets/") {
		t.Errorf("%+v, %v", a, err)
	}
	if order := h.plugin.Order(); len(order) != 0 {
		t.Errorf("calls: %q", order)
	}
}

// TestCleanupFails: what a plugin cannot undo is reported with its container, also without STATE, and
// undone by the next Cleanup.
func TestCleanupFails(t *testing.T) {
	h := newHost(t)
	h.create("data")
	c, a := h.prepare(data())
	h.plugin.Fault(map[string]loopdriver.Fault{
		"NodeUnpublishVolume": {Times: 1, Code: uint32(codes.FailedPrecondition)}})
	if err := h.isolator().Cleanup(t.Context(), c.Handle); !errors.Is(err, mctr.ErrState) {
		t.Fatalf("with a fault: %v", err)
	}
	if err := os.RemoveAll(c.State); err != nil {
		t.Fatal(err)
	}
	found, err := h.isolator().Recover(t.Context(), nil, handleOf(c))
	if err != nil || len(found) != 1 || found[0].Owner != c.ID || found[0].Object != a.Volumes[0].Source {
		t.Errorf("found %v, %v", found, err)
	}
	if err := h.isolator().Cleanup(t.Context(), c.Handle); err != nil {
		t.Error(err)
	}
}

func handleOf(c *mctr.Container) mctr.HandleOf {
	return func(id mctr.ContainerID) mctr.Handle {
		return mctr.Handle{ID: id, State: filepath.Join(filepath.Dir(c.State), string(id))}
	}
}

// TestReboot: a volume that was attached in an earlier boot is reported, and detached, unless a container
// is started that has it.
func TestReboot(t *testing.T) {
	h := newHost(t)
	h.create("data")
	c, a := h.prepare(data())
	h.reboot(c, a.Volumes[0].Source)
	found, err := h.isolator().Recover(t.Context(), nil, handleOf(c))
	if err != nil || len(found) != 1 || found[0].Owner != "" || found[0].Object != loopdriver.Name+"/data" {
		t.Fatalf("found %v, %v", found, err)
	}
	if _, err := h.isolator().Prepare(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	known := []mctr.ContainerState{{Handle: c.Handle, Config: c.Config, Phase: mctr.Running}}
	if found, err := h.isolator().Recover(t.Context(), known, handleOf(c)); err != nil || len(found) != 0 {
		t.Errorf("started again: found %v, %v", found, err)
	}
	h.reboot(c, a.Volumes[0].Source)
	if err := h.isolator().Cleanup(t.Context(), c.Handle); err != nil {
		t.Error(err)
	}
	h.plugin.Calls()
	if err := h.isolator().(isolators.Undoer).Undo(t.Context(), found[0]); err != nil {
		t.Error(err)
	}
	if order := h.plugin.Order(); !slices.Equal(order, []string{"ControllerUnpublishVolume"}) {
		t.Errorf("calls: %q", order)
	}
	if found, err = h.isolator().Recover(t.Context(), nil, handleOf(c)); err != nil || len(found) != 0 {
		t.Errorf("found %v, %v", found, err)
	}
}

// reboot leaves of a published volume what a reboot does: records of another boot, and no mounts.
func (h *host) reboot(c *mctr.Container, target string) {
	h.t.Helper()
	held, err := h.Driver.Held()
	if err != nil || len(held) != 1 {
		h.t.Fatalf("held %+v, %v", held, err)
	}
	r, err := h.Driver.Store.Read(held[0].Key)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, path := range []string{target, r.Staging.Path} {
		if err := unix.Unmount(path, unix.UMOUNT_NOFOLLOW); err != nil {
			h.t.Fatal(err)
		}
	}
	r.Boot = "an earlier one"
	if err := errors.Join(h.Driver.Store.Write(r, false), os.RemoveAll(c.State), os.Mkdir(c.State, 0o700)); err != nil {
		h.t.Fatal(err)
	}
}

// TestPluginGone: a launch without the plugin fails with the name of its socket; a container that runs
// already is none of Recover's business.
func TestPluginGone(t *testing.T) {
	h := newHost(t, "-bind")
	h.create("data")
	c, _ := h.prepare(data())
	h.plugin.Kill()
	known := []mctr.ContainerState{{Handle: c.Handle, Config: c.Config, Phase: mctr.Running}}
	if found, err := h.isolator().Recover(t.Context(), known, handleOf(c)); err != nil || len(found) != 0 {
		t.Errorf("found %v, %v", found, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := h.isolator().Prepare(ctx, isolatortest.NewContainer(t, with(data())))
	if !errors.Is(err, mctr.ErrUnavailable) || !strings.Contains(err.Error(), h.plugin.Socket) {
		t.Errorf("a launch: %v", err)
	}
	h.plugin.Start()
}

// TestPlugin makes ROOT/csi a shared mount for a plugin, and undoes it after the plugin unless a volume is
// mounted there. It never hides a volume that is mounted already.
func TestPlugin(t *testing.T) {
	h := newHost(t, "-bind")
	h.create("data")
	dir := h.Driver.Store.Dir()
	root := filepath.Dir(dir)
	err := errors.Join(unix.Mount(root, root, "", unix.MS_BIND, ""), unix.Mount("", root, "", unix.MS_PRIVATE, ""))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(root, 0); err != nil {
			t.Error(err)
		}
	})
	plugin := mctr.Volume{Type: "bind", Source: dir, Target: dir, Options: []string{"rshared"}}
	c, _ := h.prepare(data())
	refused := isolatortest.NewContainer(t, with(plugin))
	_, err = h.isolator().Prepare(t.Context(), refused)
	if !errors.Is(err, mctr.ErrState) || !strings.Contains(err.Error(), "targets") {
		t.Errorf("with a volume: %v", err)
	}
	for _, gone := range []*mctr.Container{c, refused} {
		if err := h.isolator().Cleanup(t.Context(), gone.Handle); err != nil {
			t.Fatal(err)
		}
	}
	first, _ := h.prepare(plugin)
	if got := optional(t, dir); !strings.HasPrefix(got, "shared:") {
		t.Errorf("%s is mounted with %q, want shared", dir, got)
	}
	if _, err := h.isolator().Prepare(t.Context(), first); err != nil {
		t.Error(err)
	}
	c, _ = h.prepare(data())
	if err := h.isolator().Cleanup(t.Context(), first.Handle); err != nil {
		t.Error(err)
	}
	if got := optional(t, dir); !strings.HasPrefix(got, "shared:") {
		t.Errorf("without the plugin, %s is mounted with %q, want shared", dir, got)
	}
	last, _ := h.prepare(plugin)
	for _, gone := range []*mctr.Container{c, last} {
		if err := h.isolator().Cleanup(t.Context(), gone.Handle); err != nil {
			t.Error(err)
		}
	}
	if got := optional(t, dir); got != "none" {
		t.Errorf("afterwards, %s is mounted with %q", dir, got)
	}
}

// optional returns the optional fields of the mount at path, and "none" if there is no mount.
func optional(t *testing.T, path string) string {
	t.Helper()
	mounts, err := mountinfo.GetMounts(mountinfo.SingleEntryFilter(path))
	if err != nil {
		t.Fatal(err)
	}
	if len(mounts) == 0 {
		return "none"
	}
	return mounts[0].Optional
}
