// Package kernel reports what this process and this host support. It changes nothing.
package kernel

import (
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// HasCapability returns true if this process has the capability in its effective set
// (unix.CAP_SYS_RESOURCE, ...; capabilities(7)).
func HasCapability(capability int) bool {
	return capabilities()&(1<<uint(capability)) != 0
}

// capabilities returns the effective set of the process when it is first called.
var capabilities = sync.OnceValue(func() uint64 {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if unix.Capget(&header, &data[0]) != nil {
		return 0
	}
	return uint64(data[1].Effective)<<32 | uint64(data[0].Effective)
})

// BoundingCapabilities returns, as bits, the capabilities that a child of this process can have.
var BoundingCapabilities = sync.OnceValue(func() uint64 {
	var set uint64
	for c := range 64 {
		if v, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(c), 0, 0, 0); err == nil && v == 1 {
			set |= 1 << c
		}
	}
	return set
})

// Seccomp returns true if the kernel supports seccomp filters (prctl(2), PR_SET_SECCOMP).
var Seccomp = sync.OnceValue(func() bool {
	actions, err := os.ReadFile("/proc/sys/kernel/seccomp/actions_avail")
	return err == nil && strings.Contains(string(actions), "errno")
})
