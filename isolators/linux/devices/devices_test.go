package devices_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/isolators/isolatortest"
	"github.com/mctr/mctr/isolators/linux/devices"
)

func config(d ...mctr.Device) mctr.ContainerConfig { return mctr.ContainerConfig{Devices: d} }

func TestConformance(t *testing.T) {
	one := config(mctr.Device{Source: "/dev/null", Target: "/dev/mine"})
	privileged := mctr.ContainerConfig{Security: mctr.Security{Privileged: true}}
	isolatortest.Run(t, devices.New, &one, &privileged)
}

func TestCheck(t *testing.T) {
	isolatortest.Refuses(t, devices.New(), []isolatortest.Refusal{
		{Config: config(mctr.Device{Source: "/dev/no-such"}), Is: mctr.ErrInvalid,
			Field: "config.devices /dev/no-such"},
		{Config: config(mctr.Device{Source: "/etc/passwd"}), Is: mctr.ErrInvalid, Field: "config.devices /etc/passwd"},
		{Config: config(mctr.Device{Source: "/dev/null", Permissions: "rwx"}), Is: mctr.ErrInvalid,
			Field: "config.devices /dev/null"},
		{Config: config(mctr.Device{Source: "/dev/null", Target: "dev/x"}), Is: mctr.ErrInvalid,
			Field: "config.devices /dev/null"},
	})
	isolatortest.Accepts(t, devices.New(), config(mctr.Device{Source: "/dev/null", Permissions: "r"}))
}

func TestPrepare(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]uint32{"c": unix.S_IFCHR | 0o640, "b": unix.S_IFBLK | 0o600} {
		path := filepath.Join(dir, name)
		if err := errors.Join(unix.Mknod(path, mode, int(unix.Mkdev(240, 7))),
			unix.Chmod(path, mode&0o777)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(filepath.Join(dir, "c"), 5, 6); err != nil {
		t.Fatal(err)
	}
	a := isolatortest.Prepared(t, devices.New(),
		config(mctr.Device{Source: dir, Target: "/dev/x"}, mctr.Device{Source: dir + "/c", Target: "/dev/x/c"}))
	const want = `[{"path":"/dev/x/b","type":"b","major":240,"minor":7,"fileMode":384,"uid":0,"gid":0},` +
		`{"path":"/dev/x/c","type":"c","major":240,"minor":7,"fileMode":416,"uid":5,"gid":6}]`
	if got := isolatortest.JSON(t, a.Spec.Linux.Devices); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestPrivileged checks that a privileged container has the host's nodes except those that every
// container has of its own, and that the config's device replaces a host's node at the same path.
func TestPrivileged(t *testing.T) {
	if len(isolatortest.Prepared(t, devices.New(), config()).Spec.Linux.Devices) != 0 {
		t.Error("a plain container gets devices")
	}
	c := config(mctr.Device{Source: "/dev/null", Target: "/dev/loop-control"})
	c.Security.Privileged = true
	a := isolatortest.Prepared(t, devices.New(), c)
	find := func(path string) *specs.LinuxDevice {
		i := slices.IndexFunc(a.Spec.Linux.Devices, func(d specs.LinuxDevice) bool { return d.Path == path })
		if i < 0 {
			return nil
		}
		return &a.Spec.Linux.Devices[i]
	}
	if d := find("/dev/loop-control"); d == nil || d.Major != 1 || d.Minor != 3 {
		t.Errorf("the user's device is %+v, want 1:3", d)
	}
	entries, err := os.ReadDir("/dev")
	if err != nil {
		t.Fatal(err)
	}
	own := []string{"null", "zero", "full", "random", "urandom", "tty", "console", "ptmx"}
	for _, e := range entries {
		if e.Type()&os.ModeDevice == 0 {
			continue
		}
		if got := find("/dev/"+e.Name()) != nil; got == slices.Contains(own, e.Name()) {
			t.Errorf("/dev/%s is given: %t", e.Name(), got)
		}
	}
}
