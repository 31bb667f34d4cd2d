package libcontainer

import (
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// atExecFn is AT_EXECFN of getauxval(3): the path by which this process was executed.
const atExecFn = 31

// closeExecutable closes the descriptor by which this init was executed. libcontainer passes a
// sealed copy of the program as a descriptor without close-on-exec, so that no other file can get
// its number, and keeps it open until init executes the user's command. A created container may
// wait long for that, and a process that may trace init would find a program of the host there.
//
// closeExecutable does not read /proc: for an exec, that is the container's.
func closeExecutable() {
	vector, err := unix.Auxv()
	if err != nil {
		return
	}
	for _, pair := range vector {
		if pair[0] != atExecFn || pair[1] == 0 {
			continue
		}
		path := unix.BytePtrToString(*(**byte)(unsafe.Pointer(&pair[1]))) // the kernel put it on this process's stack
		if fd := descriptorOf(path); fd > unix.Stderr {
			_ = unix.Close(fd)
		}
	}
}

// descriptorOf returns the descriptor that path names, or -1 if path names a file.
func descriptorOf(path string) int {
	number, ok := strings.CutPrefix(path, "/proc/self/fd/")
	fd, err := strconv.Atoi(number)
	if !ok || err != nil {
		return -1
	}
	return fd
}
