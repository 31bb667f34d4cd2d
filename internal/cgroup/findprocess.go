package cgroup

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
)

// Process is one of the processes of the group, or of those below it where it
// has none of its own (an init that keeps control groups); 0 for none.
func Process(name string) int {
	for _, controller := range []string{"pids", "memory", "cpu", "freezer"} {
		if dir := Dir(controller, name); dir != "" {
			if pid := first(filepath.Join(dir, "cgroup.procs")); pid > 0 {
				return pid
			}
			break // the other hierarchies have the same
		}
	}
	if pids, err := Pids(name); err == nil && len(pids) > 0 {
		return pids[0]
	}
	return 0
}

func first(procs string) int {
	data, _ := os.ReadFile(procs)
	line, _, _ := bytes.Cut(data, []byte("\n"))
	pid, _ := strconv.Atoi(string(line))
	return pid
}
