package enginetest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr/containerizer/launcher/engine"
	"github.com/mctr/mctr/internal/cgroup"
)

// cgroupProperties are the container's cgroups and their limits, as the kernel shows them. Device
// rules are in deviceRuleProperties.
var cgroupProperties = append(limitsOfOneVersion(), []property{
	{
		name: "linux.cgroupsPath", want: group, read: ownGroup,
		base: func(_ *bench, s *specs.Spec) { s.Linux.CgroupsPath = filepath.Dir(group) + "/other" },
		set:  func(_ *bench, s *specs.Spec) { s.Linux.CgroupsPath = group },
	},
	limit("memory.limit", 64<<20, file{"memory", "memory.limit_in_bytes"}, "memory.max",
		func(r *specs.LinuxResources, n int64) { r.Memory = &specs.LinuxMemory{Limit: &n} }),
	limit("memory.reservation", 32<<20, file{"memory", "memory.soft_limit_in_bytes"}, "memory.low",
		func(r *specs.LinuxResources, n int64) { r.Memory = &specs.LinuxMemory{Reservation: &n} }),
	limit("pids.limit", 77, file{"pids", "pids.max"}, "pids.max",
		func(r *specs.LinuxResources, n int64) { r.Pids = &specs.LinuxPids{Limit: &n} }),
	{
		name: "linux.resources.cpu.shares", read: show(file{"cpu", "cpu.shares"}, "cpu.weight"),
		set: resources(func(r *specs.LinuxResources) { r.CPU = &specs.LinuxCPU{Shares: new(uint64(512))} }),
		wants: func(_ *bench, shown string) bool {
			return shown == "512" || cgroup.Unified() && shown != "100" // engines convert shares to weights differently
		},
	},
	quotaOrPeriod("quota", "20000", file{"cpu", "cpu.cfs_quota_us"}),
	quotaOrPeriod("period", "50000", file{"cpu", "cpu.cfs_period_us"}),
	{
		name: "linux.resources.blockIO.throttleReadBpsDevice",
		read: show(file{"blkio", "blkio.throttle.read_bps_device"}, "io.max"),
		set: resources(func(r *specs.LinuxResources) {
			d := specs.LinuxThrottleDevice{Rate: 1 << 20}
			d.Major, d.Minor = blockDevice()
			r.BlockIO = &specs.LinuxBlockIO{ThrottleReadBpsDevice: []specs.LinuxThrottleDevice{d}}
		}),
		wants: func(_ *bench, shown string) bool {
			major, minor := blockDevice()
			return strings.HasPrefix(shown, fmt.Sprintf("%d:%d ", major, minor)) && strings.Contains(shown, "1048576")
		},
	},
	{
		name: "linux.resources.cpu.cpus", want: "0", read: show(file{"cpuset", "cpuset.cpus"}, "cpuset.cpus"),
		set: resources(func(r *specs.LinuxResources) { r.CPU = &specs.LinuxCPU{Cpus: "0"} }),
	},
}...)

// limitsOfOneVersion returns the limits that exist only in this host's version of cgroups.
func limitsOfOneVersion() []property {
	if cgroup.Unified() {
		return []property{{
			name: "linux.resources.hugepageLimits", want: fmt.Sprint(4 << 20), read: show(file{}, "hugetlb.2MB.max"),
			set: resources(func(r *specs.LinuxResources) {
				r.HugepageLimits = []specs.LinuxHugepageLimit{{Pagesize: "2MB", Limit: 4 << 20}}
			}),
		}, {
			name: "linux.resources.unified", want: fmt.Sprint(32 << 20), read: show(file{}, "memory.high"),
			set: resources(func(r *specs.LinuxResources) {
				r.Unified = map[string]string{"memory.high": fmt.Sprint(32 << 20)}
			}),
		}}
	}
	return []property{
		{
			name: "linux.resources.memory.swappiness", want: "42",
			read: show(file{"memory", "memory.swappiness"}, ""),
			set: resources(func(r *specs.LinuxResources) {
				r.Memory = &specs.LinuxMemory{Swappiness: new(uint64(42))}
			}),
		},
		{
			name: "linux.resources.memory.disableOOMKiller", read: show(file{"memory", "memory.oom_control"}, ""),
			set: resources(func(r *specs.LinuxResources) {
				r.Memory = &specs.LinuxMemory{DisableOOMKiller: new(true)}
			}),
			wants: func(_ *bench, shown string) bool { return strings.HasPrefix(shown, "oom_kill_disable 1") },
		},
	}
}

// quotaOrPeriod checks one of the two, which are in one file of cgroup v2.
func quotaOrPeriod(name, v1 string, in file) property {
	want := v1
	if cgroup.Unified() {
		want = "20000 50000"
	}
	return property{
		name: "linux.resources.cpu." + name, want: want, read: show(in, "cpu.max"),
		set: resources(func(r *specs.LinuxResources) {
			r.CPU = &specs.LinuxCPU{Quota: new(int64(20000)), Period: new(uint64(50000))}
		}),
	}
}

// blockDevice returns the numbers of this host's first disk.
func blockDevice() (major, minor int64) {
	numbers, _ := filepath.Glob("/sys/block/*/dev")
	for _, path := range numbers {
		data, err := os.ReadFile(path)
		if _, scanned := fmt.Sscanf(string(data), "%d:%d", &major, &minor); err == nil && scanned == nil {
			return major, minor
		}
	}
	return 0, 0
}

// A file is a file of a controller of cgroup v1.
type file struct{ controller, name string }

// limit returns the property of a limit that the kernel shows as the number n.
func limit(name string, n int64, v1 file, v2 string, set func(*specs.LinuxResources, int64)) property {
	return property{
		name: "linux.resources." + name, want: fmt.Sprint(n), read: show(v1, v2),
		set: resources(func(r *specs.LinuxResources) { set(r, n) }),
	}
}

func resources(set func(*specs.LinuxResources)) func(*bench, *specs.Spec) {
	return func(_ *bench, s *specs.Spec) { set(s.Linux.Resources) }
}

// show returns a function that reads a file of the container's cgroup.
func show(v1 file, v2 string) func(*bench, engine.Container) string {
	return func(b *bench, c engine.Container) string {
		if cgroup.Unified() {
			v1 = file{"", v2}
		}
		data, err := os.ReadFile(filepath.Join(c.Cgroups()[v1.controller], v1.name))
		if err != nil {
			b.Error(err)
		}
		return string(data)
	}
}

// ownGroup returns the cgroup of init, which must be the same in every hierarchy that the engine
// reports.
func ownGroup(b *bench, c engine.Container) string {
	controllers := c.Cgroups()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", c.Init().Pid))
	if err != nil {
		b.Fatal(err)
	}
	shown := ""
	for line := range strings.Lines(string(data)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		for controller := range strings.SplitSeq(fields[1], ",") {
			if _, ok := controllers[controller]; ok && (shown == "" || fields[2] != group) {
				shown = fields[2]
			}
		}
	}
	return shown
}
