package linux_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/isolators/filesystem/linux"
	"github.com/mctr/mctr/isolators/isolatortest"
)

func newIsolator() isolators.Isolator { return linux.New("/var/lib/mctr", "/run/mctr") }

func mounts(m ...mctr.Volume) mctr.ContainerConfig {
	return mctr.ContainerConfig{Image: "test", Volumes: m}
}

func tmpfs(options ...string) mctr.ContainerConfig {
	return mounts(mctr.Volume{Type: "tmpfs", Target: "/scratch", Options: options})
}

func TestConformance(t *testing.T) {
	c, imageless := tmpfs("size=1m"), mctr.ContainerConfig{}
	isolatortest.Run(t, newIsolator, &c, &imageless)
}

func TestCheck(t *testing.T) {
	refusals := []isolatortest.Refusal{
		{Config: mounts(mctr.Volume{Type: "tmpfs", Target: "/x", Source: "/y"}), Is: mctr.ErrInvalid,
			Field: `volumes.source "/y": a tmpfs has no source`},
	}
	for _, o := range []string{"", "size", "size=", "size=big", "size=1mm", "size=-1", "mode=999", "mode=77777",
		"uid=root", "color=red", "ro=1", "lowerdir=/"} {
		refusals = append(refusals,
			isolatortest.Refusal{Config: tmpfs(o), Is: mctr.ErrInvalid, Field: "volumes.options of the tmpfs"})
	}
	isolatortest.Refuses(t, newIsolator(), refusals)
	isolatortest.Accepts(t, newIsolator(), mctr.ContainerConfig{},
		tmpfs("size=64m", "mode=1777", "uid=5", "gid=5", "nr_inodes=1k", "exec", "noatime", "rslave"),
		tmpfs("size=50%"), mounts(mctr.Volume{Type: "tmpfs", Target: "x"}))
}

// TestMounts checks that a container has docker's mounts, in this order.
func TestMounts(t *testing.T) {
	const common = `{"destination":"/proc","type":"proc","source":"proc","options":["nosuid","noexec","nodev"]},` +
		`{"destination":"/dev","type":"tmpfs","source":"tmpfs","options":["nosuid","strictatime","mode=755","size=65536k"]},` +
		`{"destination":"/dev/pts","type":"devpts","source":"devpts","options":["nosuid","noexec","newinstance","ptmxmode=0666","mode=0620","gid=5"]},`
	kernel := func(access string) string {
		return `{"destination":"/sys","type":"sysfs","source":"sysfs","options":["nosuid","noexec","nodev","` + access +
			`"]},` +
			`{"destination":"/sys/fs/cgroup","type":"cgroup","source":"cgroup","options":["nosuid","noexec","nodev","` +
			access + `"]}`
	}
	for _, c := range []struct {
		name                 string
		privileged, readOnly bool
		access               string
	}{{"plain", false, false, "ro"}, {"privileged", true, false, "rw"}, {"privileged, read-only", true, true, "ro"}} {
		config := mounts()
		config.Security.Privileged, config.ReadOnly = c.privileged, c.readOnly
		a := isolatortest.Prepared(t, newIsolator(), config)
		if got, want := isolatortest.JSON(t, a.Spec.Mounts[:5]), "["+common+kernel(c.access)+"]"; got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.name, got, want)
		}
		if masked := len(a.Spec.Linux.MaskedPaths) > 0; masked == c.privileged ||
			len(a.Spec.Linux.ReadonlyPaths) > 0 == c.privileged {
			t.Errorf("%s: masked %q, read-only %q", c.name, a.Spec.Linux.MaskedPaths, a.Spec.Linux.ReadonlyPaths)
		}
	}
}

// TestMasks compares the masked paths with docker's lists.
func TestMasks(t *testing.T) {
	l := isolatortest.Prepared(t, newIsolator(), mounts()).Spec.Linux
	want := strings.Fields(`/proc/acpi /proc/asound /proc/interrupts /proc/kcore /proc/keys /proc/latency_stats
		/proc/sched_debug /proc/scsi /proc/timer_list /proc/timer_stats /sys/devices/virtual/powercap /sys/firmware`)
	for cpu := range 2 {
		path := "/sys/devices/system/cpu/cpu" + string('0'+rune(cpu)) + "/thermal_throttle"
		if _, err := os.Stat(path); err == nil {
			want = append(want, path)
		}
	}
	for _, path := range want {
		if !slices.Contains(l.MaskedPaths, path) {
			t.Errorf("%s is not masked", path)
		}
	}
	if got := strings.Join(l.ReadonlyPaths, " "); got != "/proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger" {
		t.Errorf("read-only paths: %s", got)
	}
	if got := isolatortest.JSON(t, l.Namespaces); got != `[{"type":"mount"}]` || l.RootfsPropagation != "rslave" {
		t.Errorf("namespaces %s, propagation %s", got, l.RootfsPropagation)
	}
}

func TestTmpfs(t *testing.T) {
	for _, c := range []struct {
		name string
		m    mctr.Volume
		want string
	}{
		{"docker's defaults", mctr.Volume{Type: "tmpfs", Target: "/x/"}, "noexec nosuid nodev rprivate"},
		{"options", mctr.Volume{Type: "tmpfs", Target: "/x", Options: []string{"size=1m", "mode=700"}},
			"noexec nosuid nodev size=1m mode=700 rprivate"},
		{"contrary", mctr.Volume{Type: "tmpfs", Target: "/x", Options: []string{"exec", "dev"}},
			"nosuid exec dev rprivate"},
		{"read-only, slave", mctr.Volume{Type: "tmpfs", Target: "/x", ReadOnly: true, Options: []string{"rslave"}},
			"noexec nosuid nodev rslave ro"},
	} {
		a := isolatortest.Prepared(t, newIsolator(), mounts(c.m))
		want := []specs.Mount{{Destination: "/x", Type: "tmpfs", Source: "tmpfs", Options: strings.Fields(c.want)}}
		if got, want := isolatortest.JSON(t, a.Volumes), isolatortest.JSON(t, want); got != want {
			t.Errorf("%s: got %s, want %s", c.name, got, want)
		}
	}
	if a := isolatortest.Prepared(t, newIsolator(),
		mounts(mctr.Volume{Type: "bind", Source: "/a", Target: "/b"})); len(a.Volumes) > 0 {
		t.Errorf("a bind is mounted too: %+v", a.Volumes)
	}
}

// TestSandbox checks that the sandbox is at Mesos' path in an image, and at its own path on the
// host's filesystem, where the rest of mctr's directories is hidden.
func TestSandbox(t *testing.T) {
	c := isolatortest.NewContainer(t, mounts())
	a, err := newIsolator().Prepare(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	bind := func(target string) string {
		return `{"destination":"` + target + `","type":"bind","source":"` + c.Sandbox +
			`","options":["rbind","rprivate","nosuid","nodev"]}`
	}
	if got := isolatortest.JSON(t, a.Spec.Mounts[5:]); got != "["+bind("/mnt/mesos/sandbox")+"]" ||
		a.Spec.Process.Env[0] != "MESOS_SANDBOX=/mnt/mesos/sandbox" {
		t.Errorf("with an image: %s, %q", got, a.Spec.Process.Env)
	}
	c.Image = nil
	if a, err = newIsolator().Prepare(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	hidden := func(dir string) string {
		return `{"destination":"` + dir +
			`","type":"tmpfs","source":"tmpfs","options":["nosuid","nodev","noexec","mode=711","size=64k"]},`
	}
	want := "[" + hidden("/var/lib/mctr") + hidden("/run/mctr") + bind(c.Sandbox) + "]"
	if first := a.Spec.Mounts[0]; first.Type != "tmpfs" || first.Destination != "/sys" {
		t.Errorf("the host's sysfs is not covered: %+v", first)
	}
	if got := isolatortest.JSON(t, a.Spec.Mounts[6:]); got != want ||
		a.Spec.Process.Env[0] != "MESOS_SANDBOX="+c.Sandbox {
		t.Errorf("without an image: got %s, want %s; %q", got, want, a.Spec.Process.Env)
	}
}

// TestPropagation: mounts of the container stay inside, unless a volume asks for propagation both ways.
func TestPropagation(t *testing.T) {
	for option, want := range map[string]string{"rslave": "rslave", "shared": "rshared", "rshared": "rshared"} {
		config := mctr.ContainerConfig{Image: "test", Volumes: []mctr.Volume{{Type: mctr.VolumeBind, Source: "/x",
			Target: "/x", Options: []string{option}}}}
		a := isolatortest.Prepared(t, linux.New("/root", "/state"), config)
		if got := a.Spec.Linux.RootfsPropagation; got != want {
			t.Errorf("%s: %s, want %s", option, got, want)
		}
	}
}
