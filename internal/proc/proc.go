// Package proc reads what proc(5) tells of a process. It creates nothing.
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

// Is reports whether pid still is the process that began at start and is no zombie.
func Is(pid int, start uint64) bool {
	fields, err := stat(pid)
	if err != nil || len(fields) == 0 || string(fields[0]) == "Z" {
		return false
	}
	now, err := StartTime(pid)
	return err == nil && now == start
}

// Ending reports whether pid has ended, or was killed and is about to. For the few
// instructions in which the kernel has taken the SIGKILL from the process' queue and not
// yet marked it as exiting, the answer is no.
func Ending(pid int) bool {
	fields, err := stat(pid)
	const flags, pending = 9 - 3, 31 - 3 // the first of fields is field 3
	if err != nil || len(fields) <= pending {
		return true
	}
	return bit(fields[flags], exiting) || bit(fields[pending], 1<<(unix.SIGKILL-1))
}

// Executed reports whether pid has executed a program since it was forked. A zombie keeps
// the answer; of a process that is gone there is none, and the error is fs.ErrNotExist.
func Executed(pid int) (bool, error) {
	fields, err := stat(pid)
	if errors.Is(err, unix.ESRCH) { // reaped between open and read
		err = fs.ErrNotExist
	}
	if err != nil {
		return false, err
	}
	const flags = 9 - 3 // the first of fields is field 3
	if len(fields) <= flags {
		return false, fmt.Errorf("/proc/%d/stat: %d fields", pid, len(fields))
	}
	return !bit(fields[flags], forkNoExec), nil
}

// exiting and forkNoExec are the kernel's PF_EXITING and PF_FORKNOEXEC
// (include/linux/sched.h).
const exiting, forkNoExec = 0x4, 0x40

func bit(field []byte, mask uint64) bool {
	n, err := strconv.ParseUint(string(field), 10, 64)
	return err == nil && n&mask != 0
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

// Family is the parent of pid and the session that it is in, 0 where it is gone (proc(5),
// /proc/[pid]/stat, fields 4 and 6).
func Family(pid int) (parent, session int) {
	fields, err := stat(pid)
	if err != nil || len(fields) < 4 {
		return 0, 0
	}
	parent, _ = strconv.Atoi(string(fields[1]))
	session, _ = strconv.Atoi(string(fields[3]))
	return parent, session
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
