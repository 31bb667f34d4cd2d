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

// CheckParent refuses what names no group that mctr's own can be below; "" is the
// hierarchies' roots. What is in a slice is systemd's.
func CheckParent(group string) error {
	if IsSlice(group) {
		return fmt.Errorf("%w: control group %q: only systemd makes groups in its slices (host.cgroup_manager systemd)",
			mctr.ErrInvalid, group)
	}
	if group == "." || group != "" && (filepath.Clean(group) != group || !filepath.IsLocal(group)) {
		return fmt.Errorf(
			"%w: control group %q: want a path below the hierarchies' roots, without / before it or .. in it",
			mctr.ErrInvalid, group)
	}
	return nil
}

// Delegated is the group that systemd has left to this process, with what is below
// it (Delegate=yes, systemd.resource-control(5)): that of the unit companion, if it
// is beside the process' own, else its own, or, with DelegateSubgroup=, the one above
// its own. "" for none, and on cgroup v1, whose delegation is not meant for root.
func Delegated(companion string) string {
	own := ownGroup()
	for _, group := range []string{filepath.Join(filepath.Dir(own), companion), own, filepath.Dir(own)} {
		if own != "" && marked(filepath.Join(Mountpoint, group)) {
			return group
		}
	}
	return ""
}

// ownGroup is this process' on v2, without the slash before it.
func ownGroup() string {
	data, err := os.ReadFile("/proc/self/cgroup")
	if err != nil || !Unified() {
		return ""
	}
	_, own, _ := strings.Cut(strings.TrimSpace(string(data)), "0::/")
	return own
}

// marked reports whether systemd has marked the group as delegated.
func marked(dir string) bool {
	value := make([]byte, 8)
	for _, name := range []string{"trusted.delegate", "user.delegate"} {
		if n, err := unix.Getxattr(dir, name, value); err == nil && string(value[:n]) == "1" {
			return true
		}
	}
	return false
}

// Settle moves this process, and the others of its group, into one below it called
// leaf, if the group is the one given: a group that gives controllers to others may
// hold no process (cgroups(7), "no internal processes"). It says whether it did.
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
	for range 10 { // one may fork meanwhile
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
	return fmt.Errorf("processes keep coming into cgroup %s", group)
}
