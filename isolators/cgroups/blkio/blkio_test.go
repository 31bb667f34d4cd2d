package blkio

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/cgroups"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/internal/cgroup/usage"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/isolators/isolatortest"
)

func newIsolator() isolators.Isolator {
	return New(usage.NewMeter())
}

func config(b mctr.BlockIO) mctr.ContainerConfig {
	return mctr.ContainerConfig{Resources: mctr.Resources{BlockIO: b}}
}

func throttles(kind, device string, rate uint64) mctr.ContainerConfig {
	return config(mctr.BlockIO{Throttles: []mctr.IOThrottle{{Device: device, Kind: kind, Rate: rate}}})
}

// disk returns the node of a block device, which need not exist.
func disk(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk")
	if err := unix.Mknod(path, unix.S_IFBLK|0o600, int(unix.Mkdev(7, 5))); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestConformance(t *testing.T) {
	c := throttles("read-bps", disk(t), 1<<20)
	isolatortest.Run(t, newIsolator, &c)
}

func TestCheck(t *testing.T) {
	d := disk(t)
	small, large := uint16(9), uint16(1001)
	refusals := []isolatortest.Refusal{
		{Config: config(mctr.BlockIO{Weight: &small}), Is: mctr.ErrInvalid, Field: "resources.block_io.weight 9"},
		{Config: config(mctr.BlockIO{Weight: &large}), Is: mctr.ErrInvalid, Field: "resources.block_io.weight 1001"},
		{Config: throttles("read-bps", d, 0), Is: mctr.ErrInvalid, Field: "resources.block_io.throttles read-bps"},
		{Config: throttles("write-iops", "/dev/null", 1), Is: mctr.ErrInvalid,
			Field: "resources.block_io.throttles write-iops"},
		{Config: throttles("write-bps", "/no/such", 1), Is: mctr.ErrInvalid,
			Field: "resources.block_io.throttles write-bps"},
		{Config: throttles("rw", d, 1), Is: mctr.ErrInvalid, Field: `"rw"`},
		{Config: config(mctr.BlockIO{Weights: []mctr.IODevWeight{{Device: d, Weight: 5}}}), Is: mctr.ErrInvalid,
			Field: "resources.block_io.weights " + d},
		{Config: config(mctr.BlockIO{Weights: []mctr.IODevWeight{{Device: "/dev/null", Weight: 50}}}),
			Is: mctr.ErrInvalid, Field: "resources.block_io.weights"},
	}
	isolatortest.Refuses(t, newIsolator(), refusals)
	for _, kind := range []string{"read-bps", "write-bps", "read-iops", "write-iops"} {
		isolatortest.Accepts(t, newIsolator(), throttles(kind, d, 1))
	}
	weight := uint16(500)
	for flag, c := range map[string]mctr.ContainerConfig{
		"resources.block_io.weight":  config(mctr.BlockIO{Weight: &weight}),
		"resources.block_io.weights": config(mctr.BlockIO{Weights: []mctr.IODevWeight{{Device: d, Weight: 500}}}),
	} {
		if hasWeights() {
			isolatortest.Accepts(t, newIsolator(), c)
		} else {
			isolatortest.Refuses(t, newIsolator(),
				[]isolatortest.Refusal{{Config: c, Is: mctr.ErrUnsupported, Field: flag}})
		}
	}
}

func TestPrepare(t *testing.T) {
	d, weight := disk(t), uint16(500)
	c := config(mctr.BlockIO{
		Weight:  &weight,
		Weights: []mctr.IODevWeight{{Device: d, Weight: 20}, {Device: d, Weight: 30}},
		Throttles: []mctr.IOThrottle{
			{Device: d, Kind: "read-bps", Rate: 1}, {Device: d, Kind: "write-bps", Rate: 2},
			{Device: d, Kind: "read-iops", Rate: 3}, {Device: d, Kind: "write-iops", Rate: 4},
		},
	})
	const want = `{"weight":500,"weightDevice":[{"major":7,"minor":5,"weight":20},{"major":7,"minor":5,"weight":30}],` +
		`"throttleReadBpsDevice":[{"major":7,"minor":5,"rate":1}],"throttleWriteBpsDevice":[{"major":7,"minor":5,"rate":2}],` +
		`"throttleReadIOPSDevice":[{"major":7,"minor":5,"rate":3}],"throttleWriteIOPSDevice":[{"major":7,"minor":5,"rate":4}]}`
	if got := isolatortest.JSON(t,
		isolatortest.Prepared(t, newIsolator(), c).Spec.Linux.Resources.BlockIO); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestUsage lets a group write a mebibyte past the cache. The group has a throttle, because since
// Linux 6.10 v1 counts only on devices that have had one.
func TestUsage(t *testing.T) {
	disk := loop(t)
	var st unix.Stat_t
	if err := unix.Stat(disk, &st); err != nil {
		t.Fatal(err)
	}
	fast := cgroups.NewThrottleDevice(int64(unix.Major(st.Rdev)), int64(unix.Minor(st.Rdev)), 1<<40)
	name := isolatortest.Group(t, cgroups.Resources{BlkioThrottleWriteBpsDevice: []*cgroups.ThrottleDevice{fast}},
		"dd if=/dev/zero of="+disk+" bs=1M count=1 oflag=direct 2>/dev/null")
	u := &mctr.Usage{}
	i := New(usage.NewMeter())
	if err := i.Usage(t.Context(), mctr.Handle{Cgroup: name}, u); err != nil || u.WriteBytes < 1<<20 {
		t.Errorf("usage: %+v, %v; want a mebibyte written (unified: %t)", u, err, cgroup.Unified())
	}
	if (u.IOPressure != nil) != isolatortest.HasPressure(name, "io") {
		t.Errorf("pressure: %+v", u.IOPressure)
	}
}

// loop returns a block device of the test's own. The directory of temporary files may be on a
// filesystem without one, such as a tmpfs.
func loop(t *testing.T) string {
	file := filepath.Join(t.TempDir(), "disk")
	if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Truncate(file, 4<<20)); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "losetup", "--find", "--show", file).Output()
	if err != nil {
		t.Fatal("losetup:", err)
	}
	device := strings.TrimSpace(string(out))
	t.Cleanup(func() {
		if out, err := exec.CommandContext(context.WithoutCancel(t.Context()), "losetup", "--detach",
			device).CombinedOutput(); err != nil {
			t.Errorf("losetup: %v: %s", err, out)
		}
	})
	return device
}
