package logs

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
)

// A directory is an open directory of logs. A process that moves it, or replaces it or an entry by
// a symbolic link, cannot redirect a reader or writer.
type directory struct{ *os.File }

// openDirectory opens path. The error wraps mctr.ErrNotFound if path does not exist and
// mctr.ErrInvalid if it is not a directory.
func openDirectory(path string) (directory, error) {
	f, err := os.OpenFile(path, unix.O_DIRECTORY|unix.O_NOFOLLOW|os.O_RDONLY, 0)
	switch {
	case err == nil:
		return directory{f}, nil
	case errors.Is(err, unix.ENOENT):
		return directory{}, fmt.Errorf("%w: log directory: %w", mctr.ErrNotFound, err)
	case errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP):
		return directory{}, fmt.Errorf("%w: log directory: %w", mctr.ErrInvalid, err)
	}
	return directory{}, fmt.Errorf("log directory: %w", err)
}

// makeDirectory is openDirectory that makes a missing directory, with mode 0700.
func makeDirectory(path string) (directory, error) {
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return directory{}, fmt.Errorf("make log directory: %w", err)
	}
	return openDirectory(path)
}

// open opens the regular file called name with flags of open(2).
func (d directory) open(name string, flags int) (*os.File, error) {
	// O_NONBLOCK: a planted FIFO must not block the open; regular files ignore the flag. Mode 0644:
	// the directory keeps other users out, while a read-only bind mount of the file in a sandbox
	// must be readable for the task's user.
	flags |= unix.O_NOFOLLOW | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY
	fd, err := unix.Openat(int(d.Fd()), name, flags, 0o644)
	if errors.Is(err, unix.ELOOP) {
		return nil, fmt.Errorf("%w: log file %s/%s is a symbolic link: remove it", mctr.ErrInvalid, d.Name(), name)
	}
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: d.Name() + "/" + name, Err: err}
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("%w: log file %s/%s is not a regular file: remove it", mctr.ErrInvalid, d.Name(), name)
	}
	return os.NewFile(uintptr(fd), d.Name()+"/"+name), nil
}

func (d directory) rename(from, to string) error {
	if err := unix.Renameat(int(d.Fd()), from, int(d.Fd()), to); err != nil {
		return &os.LinkError{Op: "rename", Old: d.Name() + "/" + from, New: to, Err: err}
	}
	return nil
}

func (d directory) unlink(name string) error {
	if err := unix.Unlinkat(int(d.Fd()), name, 0); err != nil && !errors.Is(err, unix.ENOENT) {
		return &os.PathError{Op: "unlink", Path: d.Name() + "/" + name, Err: err}
	}
	return nil
}

// stat calls lstat(2) for name.
func (d directory) stat(name string) (unix.Stat_t, error) {
	var st unix.Stat_t
	err := unix.Fstatat(int(d.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW)
	return st, err
}

// removed returns true if the directory itself was removed.
func (d directory) removed() bool {
	var st unix.Stat_t
	return unix.Fstat(int(d.Fd()), &st) == nil && st.Nlink == 0
}

// list returns the names in the directory.
func (d directory) list() ([]string, error) {
	fd, err := unix.Openat(int(d.Fd()), ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: d.Name(), Err: err}
	}
	f := os.NewFile(uintptr(fd), d.Name()) // opened anew for its own position
	defer f.Close()
	return f.Readdirnames(-1)
}
