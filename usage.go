package mctr

import "time"

// Usage is what a container uses. Counters only grow.
type Usage struct {
	Time time.Time `json:"time"`

	CPUNanos       uint64 `json:"cpu_nanos"`
	CPUUserNanos   uint64 `json:"cpu_user_nanos"`
	CPUSystemNanos uint64 `json:"cpu_system_nanos"`
	Throttled      uint64 `json:"throttled"` // periods in which the quota was used up
	ThrottledNanos uint64 `json:"throttled_nanos"`

	MemoryBytes uint64 `json:"memory_bytes"` // without page cache that can be reclaimed at once
	MemoryLimit uint64 `json:"memory_limit"` // 0: none
	MemoryPeak  uint64 `json:"memory_peak"`  // 0: unknown
	OOMKills    uint64 `json:"oom_kills"`

	// Memory by kind, in bytes.
	MemoryAnon   uint64  `json:"memory_anon"`             // heaps and stacks; v1 calls it rss
	MemoryCache  uint64  `json:"memory_cache"`            // files and shared memory
	MemoryShmem  uint64  `json:"memory_shmem"`            // tmpfs and shared memory, a part of the cache
	MemoryKernel *uint64 `json:"memory_kernel,omitempty"` // nil: this kernel does not report it

	Pids      uint64 `json:"pids"`
	PidsLimit uint64 `json:"pids_limit"` // 0: none

	ReadBytes  uint64 `json:"read_bytes"`
	WriteBytes uint64 `json:"write_bytes"`

	Rootfs  *DiskUsage `json:"rootfs,omitempty"`  // of what was written to the root filesystem; nil: not limited
	Sandbox *DiskUsage `json:"sandbox,omitempty"` // of what is in the sandbox; nil: not limited

	// The time that processes waited for a resource; nil: this kernel does not report it, as with
	// cgroup v1.
	CPUPressure    *Pressure `json:"cpu_pressure,omitempty"`
	MemoryPressure *Pressure `json:"memory_pressure,omitempty"`
	IOPressure     *Pressure `json:"io_pressure,omitempty"`

	// Networks are the interfaces of the container's own network namespace; nil if the container
	// shares the namespace of the host or of its parent.
	Networks []NetworkUsage `json:"networks,omitempty"`
}

// DiskUsage is what a directory with limits holds.
type DiskUsage struct {
	Bytes       uint64 `json:"bytes"`
	BytesLimit  uint64 `json:"bytes_limit"` // 0: none
	Inodes      uint64 `json:"inodes"`
	InodesLimit uint64 `json:"inodes_limit"` // 0: none
}

// Pressure is the kernel's pressure stall information of a control group
// (Documentation/accounting/psi.rst).
type Pressure struct {
	Some Stall  `json:"some"`           // at least one process waited
	Full *Stall `json:"full,omitempty"` // all waited at once; nil: not reported, for cpu before Linux 5.13
}

// A Stall is time spent waiting.
type Stall struct {
	Avg10      float64 `json:"avg10"` // percent of the last 10 seconds
	TotalNanos uint64  `json:"total_nanos"`
}

// NetworkUsage is the traffic of one interface, as the container sees it.
type NetworkUsage struct {
	Name string `json:"name"`

	RxBytes   uint64 `json:"rx_bytes"`
	RxPackets uint64 `json:"rx_packets"`
	RxErrors  uint64 `json:"rx_errors"`
	RxDropped uint64 `json:"rx_dropped"`

	TxBytes   uint64 `json:"tx_bytes"`
	TxPackets uint64 `json:"tx_packets"`
	TxErrors  uint64 `json:"tx_errors"`
	TxDropped uint64 `json:"tx_dropped"`
}
