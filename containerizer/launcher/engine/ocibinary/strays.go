package ocibinary

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// children are the pids of this process's children (proc(5), task/TID/children).
func children() (pids []int) {
	files, _ := filepath.Glob("/proc/self/task/[0-9]*/children")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			continue // a thread that ended
		}
		for field := range strings.FieldsSeq(string(data)) {
			if pid, err := strconv.Atoi(field); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// killStrays ends what a create that failed left to this process beyond the children
// it had before: crun does not wait for the child that could not execute its command.
func (c *container) killStrays(before []int) {
	for _, pid := range children() {
		if !slices.Contains(before, pid) && !c.OwnsChild(pid) {
			killAndReap(pid)
		}
	}
}
