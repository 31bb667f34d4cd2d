package usage

import (
	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cgroup"
)

// unlimited is the least value that means no limit: v1 reports the largest multiple of the page
// size.
const unlimited = 1 << 62

// Memory reads the current memory usage of the group and the groups below it: without the inactive
// file cache, as docker does.
//
// On v1, OOMKills counts only the group's own kills: the kernel adds up the groups below only on
// v2.
func (m *Meter) Memory(group string, u *mctr.Usage) {
	f := m.files("memory", group)
	defer m.done(f)
	if cgroup.Unified() {
		memory(f, u)
		return
	}
	memory1(f, u)
}

func memory(f *files, u *mctr.Usage) {
	inactive := uint64(0)
	f.keyed("memory.stat", func(key []byte, n uint64) {
		switch string(key) {
		case "anon":
			u.MemoryAnon = n
		case "file":
			u.MemoryCache = n
		case "shmem":
			u.MemoryShmem = n
		case "kernel": // since Linux 5.18
			u.MemoryKernel = new(n)
		case "inactive_file":
			inactive = n
		}
	})
	f.keyed("memory.events", func(key []byte, n uint64) {
		if string(key) == "oom_kill" {
			u.OOMKills = n
		}
	})
	u.MemoryBytes = without(f.count("memory.current"), inactive)
	u.MemoryLimit, u.MemoryPeak = f.count("memory.max"), f.count("memory.peak")
	u.MemoryPressure = f.pressure("memory.pressure")
}

// memory1 reads v1's totals, which include the groups below, and the lowest limit of the group and
// its ancestors, which is in the same file.
func memory1(f *files, u *mctr.Usage) {
	inactive := uint64(0)
	f.keyed("memory.stat", func(key []byte, n uint64) {
		switch string(key) {
		case "total_rss":
			u.MemoryAnon = n
		case "total_cache":
			u.MemoryCache = n
		case "total_shmem":
			u.MemoryShmem = n
		case "total_inactive_file":
			inactive = n
		case "hierarchical_memory_limit":
			if n < unlimited {
				u.MemoryLimit = n
			}
		}
	})
	f.keyed("memory.oom_control", func(key []byte, n uint64) {
		if string(key) == "oom_kill" {
			u.OOMKills = n
		}
	})
	u.MemoryBytes = without(f.count("memory.usage_in_bytes"), inactive)
	u.MemoryPeak = f.count("memory.max_usage_in_bytes")
	if n, ok := f.number("memory.kmem.usage_in_bytes"); ok {
		u.MemoryKernel = &n
	}
}

// without subtracts part, which was read at another moment and may exceed bytes.
func without(bytes, part uint64) uint64 { return bytes - min(bytes, part) }
