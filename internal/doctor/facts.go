package doctor

import (
	"os"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cgroup"
)

// Facts returns facts about the host. backend is the configured backend, or "".
func (h Host) Facts(version, backend string) (*mctr.HostFacts, error) {
	var uts unix.Utsname
	var memory unix.Sysinfo_t
	if err := unix.Uname(&uts); err != nil {
		return nil, err
	}
	if err := unix.Sysinfo(&memory); err != nil {
		return nil, err
	}
	f := &mctr.HostFacts{
		Version: version, Backend: backend, CgroupVersion: "1", Kernel: unix.ByteSliceToString(uts.Release[:]),
		OS: runtime.GOOS, Architecture: runtime.GOARCH,
		OperatingSystem: distribution(), Name: unix.ByteSliceToString(uts.Nodename[:]), Root: h.Root, State: h.State,
		CPUs:   runtime.NumCPU(),
		Memory: int64(uint64(memory.Totalram) * uint64(memory.Unit)), //nolint:unconvert // differs by architecture
	}
	if cgroup.Unified() {
		f.CgroupVersion = "2"
	}
	if f.Backend == "" {
		f.Backend = h.backend()
	}
	return f, nil
}

// backend returns the default backend: overlay if it works.
func (h Host) backend() string {
	works := slices.ContainsFunc(filesystems(h), func(f Finding) bool {
		return strings.HasPrefix(f.What, "overlay") && f.State == OK
	})
	if works {
		return "overlay"
	}
	return "copy"
}

// distribution returns the name in os-release(5).
func distribution() string {
	data, _ := os.ReadFile("/etc/os-release")
	for line := range strings.Lines(string(data)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "PRETTY_NAME="); ok {
			return strings.Trim(name, `"`)
		}
	}
	return ""
}
