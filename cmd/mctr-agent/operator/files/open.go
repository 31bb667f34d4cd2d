package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/provisioner/inroot"
)

// open opens what is a directory or regular file. It looks first, by a descriptor
// that opens nothing: a fifo blocks its opener, and a device may act on it.
func open(root, name string) (*os.File, *unix.Stat_t, error) {
	if name == "" {
		name = "."
	}
	at, err := inroot.Open(root, name, unix.O_PATH)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENAMETOOLONG) {
		return nil, nil, fmt.Errorf("%w: no such file: %s", mctr.ErrNotFound, name)
	}
	if err != nil {
		return nil, nil, err
	}
	defer at.Close()
	var info unix.Stat_t
	if err := unix.Fstat(int(at.Fd()), &info); err != nil {
		return nil, nil, &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	if kind := info.Mode & unix.S_IFMT; kind != unix.S_IFDIR && kind != unix.S_IFREG {
		return nil, nil, fmt.Errorf("%w: %s is neither a directory nor a regular file", mctr.ErrInvalid, name)
	}
	f, err := os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", at.Fd()), os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	return f, &info, err
}
