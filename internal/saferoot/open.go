// Package saferoot opens files in a root filesystem without ever leaving it: the kernel resolves
// every component of a path, including symbolic links and "..", relative to that root (openat2(2),
// RESOLVE_IN_ROOT). It creates nothing.
//
// Looking up a path does not open the file. An image or a container may have put a device node
// there, on which the host's kernel would act when root of the host opens it (a watchdog, a tape),
// or a FIFO, which blocks. [Open] and its siblings return a descriptor that only identifies the
// file (O_PATH). [Use] opens the file of such a descriptor for reading, and refuses everything
// except regular files and directories. Every path of a container is opened in these two steps.
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

// maxFile limits the size of files for ReadFile, which come from images.
const maxFile = 4 << 20

// Open looks up name below root, as a process chrooted to root would, and returns an O_PATH
// descriptor of it. flags are O_NOFOLLOW, O_DIRECTORY, both or none.
func Open(root, name string, flags int) (*os.File, error) {
	dir, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: root, Err: err}
	}
	defer unix.Close(dir)
	return openAt(dir, name, flags, unix.RESOLVE_IN_ROOT)
}

// OpenAt is Open below an open root.
func OpenAt(root *os.File, name string, flags int) (*os.File, error) {
	return openAt(int(root.Fd()), name, flags, unix.RESOLVE_IN_ROOT)
}

// OpenBeneath is OpenAt without links: it returns an error for a symbolic link, and for a ".." that
// leads out of dir.
func OpenBeneath(dir *os.File, name string, flags int) (*os.File, error) {
	return openAt(int(dir.Fd()), name, flags, unix.RESOLVE_BENEATH|unix.RESOLVE_NO_SYMLINKS)
}

// Use opens the file that node identifies, a regular file or a directory, for reading. For any
// other file the error wraps mctr.ErrInvalid.
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

// Path returns a path that names exactly the file that node identifies, even if it was renamed or
// replaced, while node is open in this process.
func Path(node *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", node.Fd()) }

// attempts is how often concurrent renames may interrupt a look-up before it fails.
const attempts = 10_000

func openAt(dir int, name string, flags int, resolve uint64) (*os.File, error) {
	how := unix.OpenHow{Flags: uint64(flags | unix.O_PATH | unix.O_CLOEXEC),
		Resolve: resolve | unix.RESOLVE_NO_MAGICLINKS}
	for n := 0; ; n++ {
		fd, err := unix.Openat2(dir, name, &how)
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN) && n < attempts {
			continue // EAGAIN: a concurrent rename
		}
		if err != nil {
			return nil, &fs.PathError{Op: "open", Path: name, Err: err}
		}
		return os.NewFile(uintptr(fd), name), nil
	}
}

// ReadFile returns the content of a regular file of at most 4 MiB below root.
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
