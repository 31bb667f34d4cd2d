package leakcheck

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// children lists the descendants of this process, including zombies.
func children() (list []string, err error) {
	self := os.Getpid()
	for parents := []int{self}; len(parents) > 0; parents = parents[1:] {
		pids, err := childrenOf(parents[0])
		if err != nil && parents[0] == self {
			return nil, err
		}
		for _, pid := range pids {
			if text := describe(pid); text != "" {
				list = append(list, text)
			}
		}
		parents = append(parents, pids...)
	}
	return list, nil
}

// childrenOf returns the children of each thread of a process, from the children files of
// proc_pid_task(5).
func childrenOf(parent int) (pids []int, err error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", parent))
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("process %d: %w", parent, os.ErrNotExist)
	}
	for _, file := range files {
		data, _ := os.ReadFile(file) // if the thread has ended, another thread has its children
		for field := range strings.FieldsSeq(string(data)) {
			pid, err := strconv.Atoi(field)
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", file, err)
			}
			pids = append(pids, pid)
		}
	}
	return pids, err
}

// describe returns the pid and name of a process from its stat file (proc_pid_stat(5)), or "" if
// the process has exited.
func describe(pid int) string {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(data), " (")
	end := strings.LastIndex(rest, ") ")
	if end < 0 {
		return ""
	}
	text := fmt.Sprintf("%d (%s)", pid, rest[:end])
	if strings.HasPrefix(rest[end+2:], "Z") {
		text += ", a zombie"
	}
	return text
}

// files lists the open descriptors of this process, except those that the Go runtime opens once and
// keeps.
func files() ([]string, error) {
	const dir = "/proc/self/fd"
	entries, err := os.ReadDir(dir)
	var list []string
	for _, e := range entries {
		target, err := os.Readlink(filepath.Join(dir, e.Name()))
		if err != nil || target == "anon_inode:[eventpoll]" || target == "anon_inode:[eventfd]" {
			continue // closed meanwhile: it was the descriptor of the directory
		}
		list = append(list, e.Name()+" ("+target+")")
	}
	return list, err
}
