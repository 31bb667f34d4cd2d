// Package blkio is the cgroups/blkio isolator: it sets a container's share of the disks' bandwidth,
// and reports how much the container has read and written.
//
// Launch: Check and Prepare. In the kernel: blkio.* or io.* of the container's group, which the
// engine makes and removes. On disk, recovery: nothing. Spec: runtime-spec config-linux.md,
// linux.resources.blockIO. Mesos: statistics only.
package blkio

import (
	"context"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/internal/cgroup/usage"
	"github.com/mctr/mctr/isolators"
)

// New returns the isolator. meter reads usage.
func New(meter *usage.Meter) isolators.Isolator {
	return &isolator{isolators.CgroupBase{Meter: meter}}
}

type isolator struct{ isolators.CgroupBase }

func (*isolator) Name() string { return "cgroups/blkio" }

// Check refuses weights out of range, paths that are not block devices, and settings that this
// kernel lacks: weights need the BFQ scheduler.
func (*isolator) Check(_ context.Context, config *mctr.ContainerConfig) error {
	b := config.Resources.BlockIO
	if b.Weight != nil && (*b.Weight < 10 || *b.Weight > 1000) {
		return fmt.Errorf("%w: resources.block_io.weight %d: want 10 to 1000", mctr.ErrInvalid, *b.Weight)
	}
	for _, t := range b.Throttles {
		if err := checkThrottle(t); err != nil {
			return err
		}
	}
	for _, w := range b.Weights {
		if w.Weight < 10 || w.Weight > 1000 {
			return fmt.Errorf("%w: resources.block_io.weights %s:%d: want 10 to 1000", mctr.ErrInvalid, w.Device,
				w.Weight)
		}
		if _, _, err := number(w.Device); err != nil {
			return fmt.Errorf("resources.block_io.weights: %w", err)
		}
	}
	if (b.Weight != nil || len(b.Weights) > 0) && !hasWeights() {
		return &mctr.UnsupportedError{Feature: "resources.block_io.weight",
			Why:    "this kernel's block devices have no weights",
			Remedy: "use the BFQ scheduler"}
	}
	return nil
}

func hasWeights() bool {
	if cgroup.Unified() {
		return cgroup.Has("io", "io.bfq.weight") || cgroup.Has("io", "io.weight")
	}
	// The root group has no weight, but has the scheduler's statistics (block/bfq-cgroup.c).
	return cgroup.Has("blkio", "blkio.bfq.io_serviced") || cgroup.Has("blkio", "blkio.weight")
}

func checkThrottle(t mctr.IOThrottle) error {
	v1, known := v1Files[t.Kind]
	if !known {
		return fmt.Errorf("%w: unknown throttle %q", mctr.ErrInvalid, t.Kind)
	}
	field := "resources.block_io.throttles " + t.Kind
	if t.Rate == 0 {
		return fmt.Errorf("%w: %s %s: the rate must be more than 0", mctr.ErrInvalid, field, t.Device)
	}
	if _, _, err := number(t.Device); err != nil {
		return fmt.Errorf("%s: %w", field, err)
	}
	controller := "blkio"
	if cgroup.Unified() {
		controller = "io"
	}
	return isolators.CheckControlFile(controller, true, field, v1, "io.max")
}

var v1Files = map[string]string{
	"read-bps": "blkio.throttle.read_bps_device", "write-bps": "blkio.throttle.write_bps_device",
	"read-iops": "blkio.throttle.read_iops_device", "write-iops": "blkio.throttle.write_iops_device",
}

// number returns the device number of a block device.
func number(path string) (major, minor int64, err error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return 0, 0, fmt.Errorf("%w: device %s: %w", mctr.ErrInvalid, path, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFBLK {
		return 0, 0, fmt.Errorf("%w: %s is not a block device", mctr.ErrInvalid, path)
	}
	return int64(unix.Major(st.Rdev)), int64(unix.Minor(st.Rdev)), nil
}

// Prepare requests the weights and throttles.
func (*isolator) Prepare(_ context.Context, c *mctr.Container) (*mctr.Adjustment, error) {
	asked := c.Config.Resources.BlockIO
	b := &specs.LinuxBlockIO{Weight: asked.Weight}
	for _, w := range asked.Weights {
		major, minor, err := number(w.Device)
		if err != nil {
			return nil, err
		}
		d := specs.LinuxWeightDevice{Weight: &w.Weight}
		d.Major, d.Minor = major, minor
		b.WeightDevice = append(b.WeightDevice, d)
	}
	for _, t := range asked.Throttles {
		if err := throttle(b, t); err != nil {
			return nil, err
		}
	}
	return &mctr.Adjustment{Spec: specs.Spec{Linux: &specs.Linux{Resources: &specs.LinuxResources{BlockIO: b}}}}, nil
}

func throttle(b *specs.LinuxBlockIO, t mctr.IOThrottle) error {
	major, minor, err := number(t.Device)
	if err != nil {
		return err
	}
	d := specs.LinuxThrottleDevice{Rate: t.Rate}
	d.Major, d.Minor = major, minor
	list := map[string]*[]specs.LinuxThrottleDevice{
		"read-bps": &b.ThrottleReadBpsDevice, "write-bps": &b.ThrottleWriteBpsDevice,
		"read-iops": &b.ThrottleReadIOPSDevice, "write-iops": &b.ThrottleWriteIOPSDevice,
	}[t.Kind]
	*list = append(*list, d)
	return nil
}

// Usage sums up the bytes of all devices.
func (i *isolator) Usage(_ context.Context, h mctr.Handle, u *mctr.Usage) error {
	i.Meter.IO(h.Cgroup, u)
	return nil
}

// Update returns the new limits.
func (i *isolator) Update(ctx context.Context, h mctr.Handle, r *mctr.Resources) (*specs.LinuxResources, error) {
	return isolators.UpdateByPrepare(ctx, i, h, r)
}
