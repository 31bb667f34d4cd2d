package cgroup

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
)

// Process returns a process of the group or, if the group has no process of its own because an init
// moved them, of the groups below it. It returns 0 if there is none.
func Process(name string) int {
	for _, controller := range []string{"pids", "memory", "cpu", "freezer"} {
		if dir := Dir(controller, name); dir != "" {
			if pid := first(filepath.Join(dir, "cgroup.procs")); pid > 0 {
				return pid
			}
			break // the other hierarchies have the same processes
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
