package cephfs

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/mctr/mctr/internal/proc"
)

// evidence describes what waits for a mount: the containers that have it, and processes in
// uninterruptible sleep that see it. It reads only proc(5).
func (mt *mount) evidence() (list []string) {
	if !mt.Kernel {
		list = append(list, "its client, ceph-fuse: "+proc.Describe(mt.Fuse.Pid))
	}
	if ids, err := mt.holders(); err == nil && len(ids) > 0 {
		var names []string
		for _, id := range ids {
			names = append(names, id.Short())
		}
		list = append(list, "containers that have it: "+strings.Join(names, ", "))
	}
	for _, pid := range mt.waiters() {
		list = append(list, proc.Describe(pid)+stack(pid))
	}
	return list
}

// waiters returns the processes in uninterruptible sleep in whose mount namespace the mount is.
func (mt *mount) waiters() (pids []int) {
	const most = 10
	for _, pid := range processes() {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err == nil && strings.Contains(string(text), ") D ") && mt.seenBy(pid) && len(pids) < most {
			pids = append(pids, pid)
		}
	}
	return pids
}

// inOtherNamespace returns true if the mount is in the mount namespace of any process, where it was
// copied when the namespace was made.
func (mt *mount) inOtherNamespace() bool {
	looked := map[string]bool{}
	for _, pid := range processes() {
		namespace, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/mnt", pid))
		if err != nil || looked[namespace] {
			continue
		}
		if looked[namespace] = true; mt.seenBy(pid) {
			return true
		}
	}
	return false
}

func (mt *mount) seenBy(pid int) bool {
	mounts, err := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", pid))
	return err == nil && mt.Device != "" && strings.Contains(string(mounts), " "+mt.Device+" ")
}

// processes returns the pids of all processes.
func processes() (pids []int) {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// stack returns the functions of the kernel that a process is in, for an error.
func stack(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stack", pid))
	if err != nil || len(text) == 0 {
		return ""
	}
	return ": " + strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", " < ")
}
