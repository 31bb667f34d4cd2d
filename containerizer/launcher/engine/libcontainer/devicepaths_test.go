package libcontainer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	devices "github.com/opencontainers/cgroups/devices/config"
	"github.com/opencontainers/runc/libcontainer/specconv"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// TestDevices converts devices of every type. The numbers of a named pipe must be dropped, and
// those of other devices kept.
func TestDevices(t *testing.T) {
	for _, c := range []struct {
		kind         string
		major, minor int64
		want         devices.Rule
	}{
		{"p", 0, 0, devices.Rule{Type: devices.FifoDevice}},
		{"p", 10, 229, devices.Rule{Type: devices.FifoDevice}},
		{"p", -1, -1, devices.Rule{Type: devices.FifoDevice}},
		{"c", 10, 229, devices.Rule{Type: devices.CharDevice, Major: 10, Minor: 229}},
		{"u", 10, 229, devices.Rule{Type: devices.CharDevice, Major: 10, Minor: 229}},
		{"b", 8, 0, devices.Rule{Type: devices.BlockDevice, Major: 8}},
	} {
		config, err := convertConfig(&specconv.CreateOpts{CgroupName: "x", Spec: &specs.Spec{
			Version: specs.Version, Root: &specs.Root{Path: "rootfs"},
			Linux: &specs.Linux{Devices: []specs.LinuxDevice{{Path: "/dev/it", Type: c.kind, Major: c.major,
				Minor: c.minor}}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		if last := config.Devices[len(config.Devices)-1]; last.Path != "/dev/it" || last.Rule != c.want {
			t.Errorf("%s %d:%d is read as %+v, want %+v", c.kind, c.major, c.minor, last, c.want)
		}
	}
}

// TestOccupiedDevices wants an error if another file is at a device's path, but not if the device
// itself is, nor below a mount.
func TestOccupiedDevices(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{"dev", "mnt"} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, dir, "file"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/etc", filepath.Join(root, "dev/link")); err != nil { // the host's, if followed
		t.Fatal(err)
	}
	if err := os.Symlink("pts/ptmx", filepath.Join(root, "dev/ptmx")); err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]uint32{"pipe": unix.S_IFIFO, "null": unix.S_IFCHR} {
		if err := unix.Mknod(filepath.Join(root, "dev", name), mode|0o600, int(unix.Mkdev(1, 3))); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		path, kind   string
		major, minor int64
		ok           bool
	}{
		{"/dev/new", "c", 1, 3, true}, {"/dev/link/passwd", "c", 1, 3, true}, {"/no/dir", "p", 0, 0, true},
		{"/dev/ptmx", "c", 5, 2, true}, {"/mnt/file", "c", 1, 3, true},
		{"/dev/null", "c", 1, 3, true}, {"/dev/null", "u", 1, 3, true}, {"/dev/pipe", "p", 9, 9, true},
		{"/dev/null", "c", 1, 5, false}, {"/dev/null", "b", 1, 3, false}, {"/dev/null", "p", 0, 0, false},
		{"/dev/pipe", "c", 1, 3, false}, {"/dev/file", "c", 1, 3, false}, {"/dev", "p", 0, 0, false},
		{"/dev/link", "p", 0, 0, false}, {"/mnt/../dev/file", "p", 0, 0, false},
	} {
		_, err := convertConfig(&specconv.CreateOpts{CgroupName: "x", Spec: &specs.Spec{
			Version: specs.Version, Root: &specs.Root{Path: root},
			Mounts: []specs.Mount{{Destination: "/mnt", Type: "tmpfs", Source: "tmpfs"}},
			Linux: &specs.Linux{Devices: []specs.LinuxDevice{{Path: c.path, Type: c.kind, Major: c.major,
				Minor: c.minor}}},
		}})
		if c.ok != (err == nil) || err != nil && !strings.Contains(err.Error(), "another file") {
			t.Errorf("%s %s %d:%d: %v", c.path, c.kind, c.major, c.minor, err)
		}
	}
}
