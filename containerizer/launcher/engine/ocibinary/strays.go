package ocibinary

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// children returns the pids of this process's children (proc(5), task/TID/children).
func children() (pids []int) {
	files, _ := filepath.Glob("/proc/self/task/[0-9]*/children")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			continue // the thread has ended
		}
		for field := range strings.FieldsSeq(string(data)) {
			if pid, err := strconv.Atoi(field); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// killStrays kills the children that a failed create added to those before. crun does not wait for
// its child that could not execute the command.
func (c *container) killStrays(before []int) {
	for _, pid := range children() {
		if !slices.Contains(before, pid) && !c.OwnsChild(pid) {
			killAndReap(pid)
		}
	}
}
