// Package kernel tells what this process and this host can do. It only looks.
package kernel

import (
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// HasCapability reports whether this process has the capability effectively
// (unix.CAP_SYS_RESOURCE, ...; capabilities(7)).
func HasCapability(capability int) bool {
	return capabilities()&(1<<uint(capability)) != 0
}

// capabilities is the effective set of the process as it started.
var capabilities = sync.OnceValue(func() uint64 {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if unix.Capget(&header, &data[0]) != nil {
		return 0
	}
	return uint64(data[1].Effective)<<32 | uint64(data[0].Effective)
})

// BoundingCapabilities is the set of capabilities, as bits, that a process
// started from this one can have.
var BoundingCapabilities = sync.OnceValue(func() uint64 {
	var set uint64
	for c := range 64 {
		if v, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(c), 0, 0, 0); err == nil && v == 1 {
			set |= 1 << c
		}
	}
	return set
})

// Seccomp reports whether filters can be loaded (prctl(2), PR_SET_SECCOMP).
var Seccomp = sync.OnceValue(func() bool {
	actions, err := os.ReadFile("/proc/sys/kernel/seccomp/actions_avail")
	return err == nil && strings.Contains(string(actions), "errno")
})
