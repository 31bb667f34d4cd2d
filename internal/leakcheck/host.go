package leakcheck

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/moby/sys/mountinfo"
)

// mounts lists mount points with their sources (proc(5), mountinfo).
func mounts() ([]string, error) {
	return mountsOf(func(fstype string) bool { return fstype != "nsfs" })
}

// namespaces lists the network namespaces that a mount keeps alive, as ip-netns(8) and mctr do. A
// namespace without a mount ends with its last process.
func namespaces() ([]string, error) {
	return mountsOf(func(fstype string) bool { return fstype == "nsfs" })
}

func mountsOf(want func(fstype string) bool) ([]string, error) {
	mounts, err := mountinfo.GetMounts(nil)
	var list []string
	for _, m := range mounts {
		if want(m.FSType) {
			list = append(list, fmt.Sprintf("%s (%s %s of %s)", m.Mountpoint, m.FSType, m.Root, m.Source))
		}
	}
	return list, err
}

// cgroups lists the groups of every hierarchy.
func cgroups() ([]string, error) {
	const root = "/sys/fs/cgroup"
	var list []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // removed meanwhile by another process
		case err != nil:
			return err
		case d.IsDir():
			list = append(list, path)
		}
		return nil
	})
	return list, err
}

// links lists the interfaces of this process's network namespace.
func links() ([]string, error) {
	all, err := net.Interfaces()
	var list []string
	for _, i := range all {
		list = append(list, i.Name)
	}
	return list, err
}

// rules lists the lines of the firewall without their counters.
func rules() ([]string, error) {
	var list []string
	for _, command := range [][]string{{"nft", "list", "ruleset"}, {"iptables-save"}, {"ip6tables-save"}} {
		if _, err := exec.LookPath(command[0]); err != nil {
			continue
		}
		out, err := exec.Command(command[0], command[1:]...).Output()
		if err != nil {
			continue // the kernel has no such tables
		}
		for line := range strings.Lines(string(out)) {
			if line = strings.TrimSpace(counters.ReplaceAllString(line, "")); line != "" && line[0] != '#' {
				list = append(list, command[0]+": "+line)
			}
		}
	}
	return list, nil
}

var counters = regexp.MustCompile(`\[\d+:\d+\]|packets \d+ bytes \d+`)

// loops lists loop devices in use with the files behind them.
func loops() ([]string, error) {
	backing, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	var list []string
	for _, path := range backing {
		if file, err := os.ReadFile(path); err == nil {
			list = append(list, strings.TrimSpace(string(file))+" on "+strings.Split(path, "/")[3])
		}
	}
	return list, err
}
