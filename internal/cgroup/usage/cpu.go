package usage

import (
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cgroup"
)

// CPU reads the CPU time that the group used, and how long it was throttled. v1 counts user and
// system time in ticks of 10 ms.
//
// Throttled counts only the group's own quota: the kernel does not add up the groups below.
func (m *Meter) CPU(group string, u *mctr.Usage) {
	u.Time = time.Now().UTC()
	f := m.files("cpu", group)
	defer m.done(f)
	f.keyed("cpu.stat", func(key []byte, n uint64) {
		switch string(key) {
		case "nr_throttled":
			u.Throttled = n
		case "throttled_usec":
			u.ThrottledNanos = n * 1000
		case "throttled_time": // v1
			u.ThrottledNanos = n
		case "usage_usec":
			u.CPUNanos = n * 1000
		case "user_usec":
			u.CPUUserNanos = n * 1000
		case "system_usec":
			u.CPUSystemNanos = n * 1000
		}
	})
	if cgroup.Unified() {
		u.CPUPressure = f.pressure("cpu.pressure")
		return
	}
	m.cpuTimes(group, u)
}

// cpuTimes reads the times of v1, where another controller has them.
func (m *Meter) cpuTimes(group string, u *mctr.Usage) {
	const tick = uint64(10 * time.Millisecond)
	f := m.files("cpuacct", group)
	defer m.done(f)
	u.CPUNanos = f.count("cpuacct.usage")
	f.keyed("cpuacct.stat", func(key []byte, n uint64) {
		switch string(key) {
		case "user":
			u.CPUUserNanos = n * tick
		case "system":
			u.CPUSystemNanos = n * tick
		}
	})
}
