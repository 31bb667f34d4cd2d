package leakcheck

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// children lists the processes that this one has started, with theirs, and
// zombies too.
func children() ([]string, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	parents, texts := map[int]int{}, map[int]string{}
	for _, path := range stats {
		pid, parent, text, ok := process(path)
		if ok {
			parents[pid], texts[pid] = parent, text
		}
	}
	var list []string
	for pid, text := range texts {
		if descends(pid, os.Getpid(), parents) {
			list = append(list, text)
		}
	}
	return list, nil
}

// process reads pid, parent and a description from a stat file of proc(5).
func process(path string) (pid, parent int, text string, ok bool) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, 0, "", false // it has ended
	}
	head, rest, _ := strings.Cut(string(data), " (")
	end := strings.LastIndexByte(rest, ')')
	if end < 0 {
		return 0, 0, "", false
	}
	fields := strings.Fields(rest[end+1:])
	if len(fields) < 2 {
		return 0, 0, "", false
	}
	pid, _ = strconv.Atoi(head)
	parent, _ = strconv.Atoi(fields[1])
	text = fmt.Sprintf("%d (%s)", pid, rest[:end])
	if fields[0] == "Z" {
		text += ", dead and not waited for"
	}
	return pid, parent, text, true
}

func descends(pid, from int, parents map[int]int) bool {
	for range len(parents) {
		pid = parents[pid]
		if pid == from || pid == 0 {
			break
		}
	}
	return pid == from
}

// files lists this process' open descriptors, but for those that the Go runtime
// opens once and keeps.
func files() ([]string, error) {
	const dir = "/proc/self/fd"
	entries, err := os.ReadDir(dir)
	var list []string
	for _, e := range entries {
		target, err := os.Readlink(filepath.Join(dir, e.Name()))
		if err != nil || target == "anon_inode:[eventpoll]" || target == "anon_inode:[eventfd]" {
			continue // closed since: it was the directory's own
		}
		list = append(list, e.Name()+" ("+target+")")
	}
	return list, err
}
