package cephtest

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Clients returns the pids of the ceph-fuse processes that are clients of the cluster.
func (c *Cluster) Clients() (pids []int) {
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range lines {
		line, err := os.ReadFile(path)
		argv := strings.Split(string(line), "\x00")
		if err != nil || filepath.Base(argv[0]) != "ceph-fuse" || !slices.Contains(argv, "--mon_host="+c.Monitor) {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		pids = append(pids, pid)
	}
	return pids
}

// KillClients kills the ceph-fuse processes of the cluster, of which there is at least one, and waits
// until they have ended.
func (c *Cluster) KillClients() {
	t := c.t
	t.Helper()
	pids := c.Clients()
	if len(pids) == 0 {
		t.Fatal("no ceph-fuse runs")
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	for len(c.Clients()) > 0 { // a zombie has no command line
		time.Sleep(time.Millisecond)
	}
}
