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
)

// Delegated is this process' own group where systemd has left it to us, and what is
// below it (Delegate=yes, systemd.resource-control(5)); "" otherwise, and on cgroup
// v1, whose delegation is not meant for root.
func Delegated() string {
	if !Unified() {
		return ""
	}
	data, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return ""
	}
	_, own, ok := strings.Cut(strings.TrimSpace(string(data)), "0::")
	if !ok || own == "/" || !marked(filepath.Join(Mountpoint, own)) {
		return ""
	}
	return strings.TrimPrefix(own, "/")
}

// marked says whether systemd has marked the group as delegated.
func marked(dir string) bool {
	value := make([]byte, 8)
	for _, name := range []string{"trusted.delegate", "user.delegate"} {
		if n, err := unix.Getxattr(dir, name, value); err == nil && string(value[:n]) == "1" {
			return true
		}
	}
	return false
}

// Settle moves the processes of a group into one below it, called leaf: a group that
// gives controllers to others may hold none (cgroups(7), "no internal processes").
func Settle(group, leaf string) error {
	dir := filepath.Join(Mountpoint, group)
	below := filepath.Join(dir, leaf)
	if err := os.Mkdir(below, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
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
