package mctr

import "reflect"

// Resources are the limits and weights of a container. A nil pointer or zero value means the kernel's
// default.
type Resources struct {
	CPU     CPU     `json:"cpu"`
	Memory  Memory  `json:"memory"`
	Pids    *int64  `json:"pids,omitempty"` // processes and threads; -1: no limit
	BlockIO BlockIO `json:"block_io"`
	Disk    Disk    `json:"disk,omitzero"`
}

// IsZero returns true if r sets no limit.
func (r Resources) IsZero() bool { return reflect.DeepEqual(r, Resources{}) }

// CPU follows runtime-spec's linux.resources.cpu. Times are microseconds.
type CPU struct {
	Shares *uint64 `json:"shares,omitempty"` // 2 to 262144; 1024 is the default weight
	Quota  *int64  `json:"quota,omitempty"`  // of each Period; -1: no limit
	Period *uint64 `json:"period,omitempty"` // 1000 to 1000000; default 100000
	Burst  *uint64 `json:"burst,omitempty"`  // at most Quota
	Cpus   string  `json:"cpus,omitempty"`   // cpuset(7) list: 0-2,7
	Mems   string  `json:"mems,omitempty"`
}

// Memory sizes are bytes; -1 means no limit.
type Memory struct {
	Limit       *int64 `json:"limit,omitempty"`         // hard: v1 limit_in_bytes, v2 memory.max
	Swap        *int64 `json:"swap,omitempty"`          // memory and swap together, as docker's --memory-swap
	Reservation *int64 `json:"reservation,omitempty"`   // soft: v1 soft_limit_in_bytes, v2 memory.low
	High        *int64 `json:"high,omitempty"`          // throttling: v2 memory.high only
	OOMScoreAdj *int   `json:"oom_score_adj,omitempty"` // -1000 to 1000
	DisableOOM  bool   `json:"disable_oom,omitempty"`   // v1 only: block instead of killing
	Swappiness  *int64 `json:"swappiness,omitempty"`    // v1 only: 0 to 100
}

// Disk limits what a container writes: nil means unlimited. A writer that exceeds a limit gets ENOSPC or
// EDQUOT.
type Disk struct {
	Rootfs        *int64 `json:"rootfs,omitempty"`         // bytes on top of its image
	RootfsInodes  *int64 `json:"rootfs_inodes,omitempty"`  // files on top of its image
	Sandbox       *int64 `json:"sandbox,omitempty"`        // bytes in its sandbox
	SandboxInodes *int64 `json:"sandbox_inodes,omitempty"` // files in its sandbox
	// End ends a container that exceeds a limit of bytes, with reason LIMITATION_DISK, as Mesos does. It
	// may write 10 MiB more than the limit until then.
	End bool `json:"end,omitempty"`
}

// BlockIO limits block I/O: runtime-spec's linux.resources.blockIO.
type BlockIO struct {
	Weight    *uint16       `json:"weight,omitempty"` // 10 to 1000
	Throttles []IOThrottle  `json:"throttles,omitempty"`
	Weights   []IODevWeight `json:"weights,omitempty"`
}

// An IOThrottle limits one kind of traffic of one device.
type IOThrottle struct {
	Device string `json:"device"` // a block device's host path
	Kind   string `json:"kind"`   // read-bps, write-bps, read-iops, write-iops
	Rate   uint64 `json:"rate"`   // bytes or operations per second
}

// An IODevWeight is the weight of one device, 10 to 1000.
type IODevWeight struct {
	Device string `json:"device"`
	Weight uint16 `json:"weight"`
}
