package libcontainer

import (
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// atExecFn is getauxval(3)'s AT_EXECFN: the path that this process was executed by.
const atExecFn = 31

// closeExecutable closes the descriptor that this init was executed by. libcontainer
// hands its sealed copy of the program over as one that survives exec, so that it
// cannot be mistaken for another file meanwhile, and leaves it open until the user's
// command is executed: in a created container, until it is started, where
// a process that may trace init finds a program of the host's.
//
// /proc is not asked: in an exec it is the container's.
func closeExecutable() {
	vector, err := unix.Auxv()
	if err != nil {
		return
	}
	for _, pair := range vector {
		if pair[0] != atExecFn || pair[1] == 0 {
			continue
		}
		path := unix.BytePtrToString(*(**byte)(unsafe.Pointer(&pair[1]))) // the kernel's, on this process's stack
		if fd := descriptorOf(path); fd > unix.Stderr {
			_ = unix.Close(fd)
		}
	}
}

// descriptorOf gives the descriptor that path names; -1 where it names a file.
func descriptorOf(path string) int {
	number, ok := strings.CutPrefix(path, "/proc/self/fd/")
	fd, err := strconv.Atoi(number)
	if !ok || err != nil {
		return -1
	}
	return fd
}
