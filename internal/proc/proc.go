// Package proc reads what proc(5) tells of a process. It creates nothing.
package proc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
)

// StartTime is when pid began, in clock ticks since boot (/proc/[pid]/stat,
// field 22). Pid and start time together name a process for good.
func StartTime(pid int) (uint64, error) {
	fields, err := stat(pid)
	if err != nil {
		return 0, err
	}
	const startTime = 22 - 3 // the first of fields is field 3
	if len(fields) <= startTime {
		return 0, fmt.Errorf("/proc/%d/stat: %d fields", pid, len(fields))
	}
	return strconv.ParseUint(string(fields[startTime]), 10, 64)
}

// Is says whether pid still is the process that began at start and is no zombie.
func Is(pid int, start uint64) bool {
	fields, err := stat(pid)
	if err != nil || len(fields) == 0 || string(fields[0]) == "Z" {
		return false
	}
	now, err := StartTime(pid)
	return err == nil && now == start
}

// Command is the name of the process (/proc/[pid]/comm), "" when it is gone.
func Command(pid int) string {
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		return ""
	}
	return string(bytes.TrimSpace(name))
}

// Describe says what pid is and does: its state and, where it sleeps, the kernel's
// function that it sleeps in (/proc/[pid]/wchan).
func Describe(pid int) string {
	fields, err := stat(pid)
	if err != nil || len(fields) == 0 {
		return fmt.Sprintf("process %d has ended", pid)
	}
	text := fmt.Sprintf("process %d (%s) in state %s", pid, Command(pid), fields[0])
	if in, err := os.ReadFile(fmt.Sprintf("/proc/%d/wchan", pid)); err == nil && len(in) > 1 {
		text += " in " + string(in)
	}
	return text
}

// stat gives the fields after the command's name, which may hold anything.
func stat(pid int) ([][]byte, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	i := bytes.LastIndexByte(data, ')')
	if i < 0 {
		return nil, errors.New("malformed /proc/pid/stat")
	}
	return bytes.Fields(data[i+1:]), nil
}
