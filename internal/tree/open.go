package tree

import (
	"os"

	"golang.org/x/sys/unix"
)

// openDir opens a directory for reading. It does not follow a link. Resolve holds flags of
// openat2(2).
func openDir(at int, name string, resolve uint64) (*os.File, error) {
	how := unix.OpenHow{Flags: unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC, Resolve: resolve}
	if at == unix.AT_FDCWD {
		how.Flags &^= unix.O_NOFOLLOW // the caller's own path
	}
	for n := 1; ; n++ {
		fd, err := unix.Openat2(at, name, &how)
		if err == nil {
			return os.NewFile(uintptr(fd), name), nil
		}
		if err != unix.EINTR && err != unix.EAGAIN || n == attempts { //nolint:errorlint // a bare errno
			return nil, err
		}
	}
}

// attempts is how often an open is tried that a signal or a concurrent rename interrupts.
const attempts = 100

// Open opens the directory called name in dir. It fails for a symbolic link and for other files.
func Open(dir *os.File, name string) (*os.File, error) { return openDir(int(dir.Fd()), name, 0) }

// reopen opens dir a second time, with its own position.
func reopen(dir *os.File) (*os.File, error) {
	fd, err := unix.Openat(int(dir.Fd()), ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: Short(dir.Name()), Err: err}
	}
	return os.NewFile(uintptr(fd), dir.Name()), nil
}
