package cgroup

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Number reads a file of one number. It is 0 for "max", and where there is no
// such file: a group may go at any time.
func Number(controller, name, file string) uint64 {
	data, err := os.ReadFile(filepath.Join(Dir(controller, name), file))
	if err != nil {
		return 0
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(data)), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// Keyed reads a flat keyed file: "key value" lines. It is empty where there is none.
func Keyed(controller, name, file string) map[string]uint64 {
	values := map[string]uint64{}
	data, err := os.ReadFile(filepath.Join(Dir(controller, name), file))
	if err != nil {
		return values
	}
	for line := range strings.Lines(string(data)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if n, err := strconv.ParseUint(value, 10, 64); err == nil {
			values[key] = n
		}
	}
	return values
}
