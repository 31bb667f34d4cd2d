package libcontainer

import (
	"testing"

	devices "github.com/opencontainers/cgroups/devices/config"
	"github.com/opencontainers/runc/libcontainer/specconv"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// TestDevices reads device entries of every type: numbers are a pipe's least concern,
// and a device's whole identity.
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
		config, err := Config(&specconv.CreateOpts{CgroupName: "x", Spec: &specs.Spec{
			Version: specs.Version, Root: &specs.Root{Path: "rootfs"},
			Linux: &specs.Linux{Devices: []specs.LinuxDevice{{Path: "/dev/it", Type: c.kind, Major: c.major, Minor: c.minor}}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		if last := config.Devices[len(config.Devices)-1]; last.Path != "/dev/it" || last.Rule != c.want {
			t.Errorf("%s %d:%d is read as %+v, want %+v", c.kind, c.major, c.minor, last, c.want)
		}
	}
}
