package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/dirs"
)

// CheckParent returns an error if mctr's groups cannot be below group; "" stands for the roots of
// the hierarchies. Groups in a slice are systemd's to make.
func CheckParent(group string) error {
	if IsSlice(group) {
		return fmt.Errorf("%w: control group %q: only systemd makes groups in its slices (host.cgroup_manager systemd)",
			mctr.ErrInvalid, group)
	}
	if group == "." || group != "" && (filepath.Clean(group) != group || !filepath.IsLocal(group)) {
		return fmt.Errorf(
			"%w: control group %q: want a path below the hierarchies' roots, without .. and a leading slash",
			mctr.ErrInvalid, group)
	}
	return nil
}

// Delegated returns the group that systemd has delegated to this process (Delegate=yes,
// systemd.resource-control(5)): that of the unit companion, if it is a sibling of this process's
// group; else this process's group or, with DelegateSubgroup=, the parent of that. It returns "" if
// there is none, and on cgroup v1, where delegation is not intended for root.
func Delegated(companion string) string {
	own := ownGroup()
	for _, group := range []string{filepath.Join(filepath.Dir(own), companion), own, filepath.Dir(own)} {
		if own != "" && marked(filepath.Join(Mountpoint, group)) {
			return group
		}
	}
	return ""
}

// ownGroup returns this process's group on v2, without the leading slash.
func ownGroup() string {
	data, err := os.ReadFile("/proc/self/cgroup")
	if err != nil || !Unified() {
		return ""
	}
	_, own, _ := strings.Cut(strings.TrimSpace(string(data)), "0::/")
	return own
}

// marked returns true if systemd has marked the group as delegated.
func marked(dir string) bool {
	value := make([]byte, 8)
	for _, name := range []string{"trusted.delegate", "user.delegate"} {
		if n, err := unix.Getxattr(dir, name, value); err == nil && string(value[:n]) == "1" {
			return true
		}
	}
	return false
}

// Settle moves this process, and the other processes of its group, to the group leaf below it, if
// this process is in group: a group that enables controllers for the groups below must not contain
// processes (cgroups(7), "no internal processes"). It returns true if it moved them.
func Settle(group, leaf string) (moved bool, err error) {
	if ownGroup() != group {
		return false, nil
	}
	return true, settle(group, leaf)
}

func settle(group, leaf string) error {
	dir := filepath.Join(Mountpoint, group)
	below := filepath.Join(dir, leaf)
	if err := dirs.Make(below, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	for range 10 { // a process may fork meanwhile
		pids, err := procs(dir)
		if err != nil || len(pids) == 0 {
			return err
		}
		for _, pid := range pids {
			err := os.WriteFile(filepath.Join(below, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0)
			if err != nil && !errors.Is(err, unix.ESRCH) {
				return err
			}
		}
	}
	return fmt.Errorf("new processes keep appearing in cgroup %s", group)
}
