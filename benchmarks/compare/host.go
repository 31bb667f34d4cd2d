package compare

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/cgroup"
)

// Kernel returns the release of the running kernel.
func Kernel() string {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return ""
	}
	return unix.ByteSliceToString(name.Release[:])
}

// Cgroups returns the version of this host's control groups: v1 or v2.
func Cgroups() string {
	if cgroup.Unified() {
		return "v2"
	}
	return "v1"
}

// LoadAverage returns the load averages of the last 1, 5 and 15 minutes.
func LoadAverage() string {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(data))[:3], " ")
}
