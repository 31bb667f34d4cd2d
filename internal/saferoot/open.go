// Package saferoot looks at files inside a root filesystem without ever leaving
// it: every component of a path, symbolic links and "..", is resolved by the
// kernel against that root (openat2(2), RESOLVE_IN_ROOT). It creates nothing.
//
// Finding a file opens nothing: what an image or a container put there may be a
// device node, which the host's kernel would act on when it is opened as the host's
// root (a watchdog, a tape), or a FIFO, which makes its opener wait. [Open] and its
// siblings return a descriptor that only stands for the file (O_PATH). [Use] opens
// what such a descriptor stands for, and refuses everything but regular files and
// directories. Every path of a container is opened in these two steps.
package saferoot

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

// Open finds name below root, as a process chrooted to root would, and returns a
// descriptor that stands for it. flags are O_NOFOLLOW, O_DIRECTORY, both or none.
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

// OpenBeneath is OpenAt without links: a symbolic link, or a ".." that leads out, is
// an error.
func OpenBeneath(dir *os.File, name string, flags int) (*os.File, error) {
	return openAt(int(dir.Fd()), name, flags, unix.RESOLVE_BENEATH|unix.RESOLVE_NO_SYMLINKS)
}

// Use opens for reading what node stands for, a regular file or a directory. The
// error wraps mctr.ErrInvalid for anything else.
func Use(node *os.File) (*os.File, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(node.Fd()), &st); err != nil {
		return nil, &fs.PathError{Op: "stat", Path: node.Name(), Err: err}
	}
	if kind := st.Mode & unix.S_IFMT; kind != unix.S_IFREG && kind != unix.S_IFDIR {
		return nil, fmt.Errorf("%w: %.300q is neither a directory nor a regular file", mctr.ErrInvalid, node.Name())
	}
	fd, err := unix.Open(Path(node), unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: node.Name(), Err: err}
	}
	return os.NewFile(uintptr(fd), node.Name()), nil
}

// Path is the one path that leads to the file that node stands for, whatever its
// name has come to mean, as long as node is open in this process.
func Path(node *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", node.Fd()) }

// attempts is how often something may be renamed in the way, before it is no chance.
const attempts = 10_000

func openAt(dir int, name string, flags int, resolve uint64) (*os.File, error) {
	how := unix.OpenHow{Flags: uint64(flags | unix.O_PATH | unix.O_CLOEXEC),
		Resolve: resolve | unix.RESOLVE_NO_MAGICLINKS}
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

// ReadFile reads a regular file below root, of at most 4 MiB.
func ReadFile(root, name string) ([]byte, error) {
	node, err := Open(root, name, 0)
	if err != nil {
		return nil, err
	}
	defer node.Close()
	f, err := Use(node)
	if err != nil {
		return nil, fmt.Errorf("%s in the image or container: %w", name, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, fmt.Errorf("%w: %s in the image or container is not a regular file of at most %d bytes",
			mctr.ErrInvalid, name, maxFile)
	}
	return io.ReadAll(io.LimitReader(f, maxFile))
}
