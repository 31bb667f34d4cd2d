// Package inroot looks at files inside a root filesystem without ever leaving
// it: every component of a path, symbolic links and "..", is resolved by the
// kernel against that root (openat2(2), RESOLVE_IN_ROOT). It creates nothing.
package inroot

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
)

// maxFile bounds what ReadFile takes: these files come from images.
const maxFile = 4 << 20

// Open opens name below root with flags of open(2), as a process chrooted to
// root would.
func Open(root, name string, flags int) (*os.File, error) {
	dir, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: root, Err: err}
	}
	defer unix.Close(dir)
	return openAt(dir, name, flags, unix.RESOLVE_IN_ROOT)
}

// OpenAt is Open below a root that is open already.
func OpenAt(root *os.File, name string, flags int) (*os.File, error) {
	return openAt(int(root.Fd()), name, flags, unix.RESOLVE_IN_ROOT)
}

// OpenBeneath opens name below dir. No symbolic link is followed and no ".." leads
// out: both are errors.
func OpenBeneath(dir *os.File, name string, flags int) (*os.File, error) {
	return openAt(int(dir.Fd()), name, flags, unix.RESOLVE_BENEATH|unix.RESOLVE_NO_SYMLINKS)
}

// attempts is how often something may be renamed in the way, before it is no chance.
const attempts = 10_000

func openAt(dir int, name string, flags int, resolve uint64) (*os.File, error) {
	how := unix.OpenHow{Flags: uint64(flags | unix.O_CLOEXEC), Resolve: resolve | unix.RESOLVE_NO_MAGICLINKS}
	for n := 0; ; n++ {
		fd, err := unix.Openat2(dir, name, &how)
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN) && n < attempts {
			continue // EAGAIN: something was renamed meanwhile
		}
		if err != nil {
			return nil, &fs.PathError{Op: "open", Path: name, Err: err}
		}
		return os.NewFile(uintptr(fd), name), nil
	}
}

// ReadFile reads a regular file below root, of at most 4 MiB. It does not wait
// for a FIFO or a device that an image put in the file's place.
func ReadFile(root, name string) ([]byte, error) {
	f, err := Open(root, name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, fmt.Errorf("%w: %s in the image is no regular file of at most %d bytes", mctr.ErrInvalid, name, maxFile)
	}
	return io.ReadAll(io.LimitReader(f, maxFile))
}
