package doctor

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/cgroup"
)

// leastMajor and leastMinor are the oldest kernel with mount_setattr(2), which every launch needs.
const leastMajor, leastMinor = 5, 12

func kernel(Host) []Finding {
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		return []Finding{answer("kernel", "version", err, "", Broken, "")}
	}
	release := unix.ByteSliceToString(uts.Release[:])
	var major, minor int
	_, err := fmt.Sscanf(release, "%d.%d", &major, &minor)
	if err == nil && (major < leastMajor || major == leastMajor && minor < leastMinor) {
		err = fmt.Errorf("%s is older than %d.%d", release, leastMajor, leastMinor)
	}
	return []Finding{answer("kernel", "version", err, release, Broken,
		fmt.Sprintf("boot Linux %d.%d or newer", leastMajor, leastMinor))}
}

func cgroups(Host) []Finding {
	version := "v1"
	if cgroup.Unified() {
		version = "v2"
	} else if _, hybrid := cgroup.Roots()["unified"]; hybrid {
		version = "v1, hybrid"
	}
	var err error
	if len(cgroup.Roots()) == 0 {
		err = fmt.Errorf("nothing is mounted at %s", cgroup.Mountpoint)
	}
	found := []Finding{answer("cgroups", "hierarchy", err, version, Broken, "mount cgroup2 at "+cgroup.Mountpoint)}
	have := controllers()
	for _, name := range []string{"cpu", "memory", "pids", "cpuset", "io"} {
		var err error
		if !slices.Contains(have, name) {
			err = errors.New("the kernel lacks it, or it is not delegated")
		}
		found = append(found,
			answer("cgroups", name, err, "", Missing,
				"enable the "+name+" controller (cgroup_enable=, cgroup.subtree_control, or systemd's Delegate=yes)"))
	}
	_, err = os.Stat("/proc/pressure/memory")
	return append(found, answer("cgroups", "pressure (PSI)", err, "", Missing, "boot with psi=1"))
}

// controllers returns the available controllers by their names of cgroup v2, on v1 too.
func controllers() []string {
	if cgroup.Unified() {
		data, _ := os.ReadFile(filepath.Join(cgroup.Mountpoint, "cgroup.controllers"))
		return strings.Fields(string(data))
	}
	var names []string
	for name := range cgroup.Roots() {
		if name == "blkio" {
			name = "io"
		}
		names = append(names, name)
	}
	return names
}

func namespaces(Host) []Finding {
	var found []Finding
	for _, name := range []string{"mnt", "pid", "net", "ipc", "uts", "cgroup", "user", "time"} {
		state := Broken
		if name == "user" || name == "time" || name == "cgroup" {
			state = Missing
		}
		_, err := os.Stat("/proc/self/ns/" + name)
		found = append(found, answer("namespaces", name, err, "", state, "a kernel with this namespace"))
	}
	return found
}
