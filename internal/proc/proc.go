// Package proc reads facts about a process from proc(5). It creates nothing.
package proc

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// StartTime returns when pid started, in clock ticks since boot (/proc/[pid]/stat, field 22). Pid
// and start time together identify a process forever.
func StartTime(pid int) (uint64, error) {
	fields, err := stat(pid)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(string(fields[startTime]), 10, 64)
}

// Is returns true if pid still is the process that started at start and is not a zombie.
func Is(pid int, start uint64) bool {
	fields, err := stat(pid)
	if err != nil || string(fields[state]) == "Z" {
		return false
	}
	return string(fields[startTime]) == strconv.FormatUint(start, 10)
}

// Ending returns true if pid has ended, or was killed and is about to end. It returns false during
// the few instructions in which the kernel has taken the SIGKILL from the process's queue but not
// yet marked the process as exiting.
func Ending(pid int) bool {
	fields, err := stat(pid)
	return err != nil || bit(fields[flags], exiting) || bit(fields[pending], 1<<(unix.SIGKILL-1))
}

// Executed returns true if pid has executed a program since it was forked. That still works for a
// zombie. If the process does not exist, the error is fs.ErrNotExist.
func Executed(pid int) (bool, error) {
	fields, err := stat(pid)
	if errors.Is(err, unix.ESRCH) { // reaped between open and read
		err = fs.ErrNotExist
	}
	if err != nil {
		return false, err
	}
	return !bit(fields[flags], forkNoExec), nil
}

// exiting and forkNoExec are PF_EXITING and PF_FORKNOEXEC of the kernel (include/linux/sched.h).
const exiting, forkNoExec = 0x4, 0x40

func bit(field []byte, mask uint64) bool {
	n, err := strconv.ParseUint(string(field), 10, 64)
	return err == nil && n&mask != 0
}

// Command returns the name of the process (/proc/[pid]/comm), or "" if the process does not exist.
func Command(pid int) string {
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		return ""
	}
	return string(bytes.TrimSpace(name))
}

// Describe returns a description of pid for an error: its state and, if it sleeps, the function of
// the kernel that it sleeps in (/proc/[pid]/wchan).
func Describe(pid int) string {
	fields, err := stat(pid)
	if err != nil {
		return fmt.Sprintf("process %d has ended", pid)
	}
	text := fmt.Sprintf("process %d (%s) in state %s", pid, Command(pid), fields[state])
	if in, err := os.ReadFile(fmt.Sprintf("/proc/%d/wchan", pid)); err == nil && len(in) > 1 {
		text += " in " + string(in)
	}
	return text
}

// Family returns the parent of pid and its session, or 0 if the process does not exist (proc(5),
// /proc/[pid]/stat, fields 4 and 6).
func Family(pid int) (parent, session int) {
	fields, err := stat(pid)
	if err != nil {
		return 0, 0
	}
	parent, _ = strconv.Atoi(string(fields[parentPID]))
	session, _ = strconv.Atoi(string(fields[sessionID]))
	return parent, session
}

// The indices of fields in the result of stat, whose first field is number 3 in proc(5).
const (
	state     = 0
	parentPID = 4 - 3
	sessionID = 6 - 3
	flags     = 9 - 3
	startTime = 22 - 3
	pending   = 31 - 3
)

// stat returns the fields after the command's name, which may contain any character.
func stat(pid int) ([][]byte, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	i := bytes.LastIndexByte(data, ')')
	fields := bytes.Fields(data[i+1:])
	if i < 0 || len(fields) <= pending {
		return nil, fmt.Errorf("malformed /proc/%d/stat: %q", pid, data)
	}
	return fields, nil
}
