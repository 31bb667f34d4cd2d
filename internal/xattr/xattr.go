// Package xattr reads extended attributes. It does not rely on the size that the kernel returns for
// a list or a value: overlayfs counts attributes that it does not show, and a container may change
// a file between two calls. It retries once with a buffer of the largest possible size, which
// always suffices. It creates nothing.
package xattr

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	usual   = 512
	largest = 64 << 10 // XATTR_SIZE_MAX and XATTR_LIST_MAX (linux/limits.h)
)

// Names returns the names of path's attributes; it does not follow a link. On a filesystem without
// attributes there are none.
func Names(path string) ([]string, error) {
	return names(path, func(buf []byte) (int, error) { return unix.Llistxattr(path, buf) })
}

// Value returns one attribute of path; it does not follow a link.
func Value(path, name string) ([]byte, error) {
	return value(path, name, func(buf []byte) (int, error) { return unix.Lgetxattr(path, name, buf) })
}

// NamesOf returns the names of an open file's attributes. The file may be open with O_PATH.
func NamesOf(f *os.File) ([]string, error) {
	return names(f.Name(), func(buf []byte) (int, error) { return unix.Listxattr(magic(f), buf) })
}

// ValueOf returns one attribute of an open file. The file may be open with O_PATH.
func ValueOf(f *os.File, name string) ([]byte, error) {
	return value(f.Name(), name, func(buf []byte) (int, error) { return unix.Getxattr(magic(f), name, buf) })
}

// magic returns a path that names f, even if f was renamed or replaced.
func magic(f *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", f.Fd()) }

func names(path string, list func([]byte) (int, error)) (found []string, err error) {
	text, err := read(list)
	if errors.Is(err, unix.ENOTSUP) {
		return nil, nil
	}
	if err != nil {
		return nil, &os.PathError{Op: "listxattr", Path: path, Err: err}
	}
	for name := range strings.SplitSeq(string(text), "\x00") {
		if name != "" {
			found = append(found, name)
		}
	}
	return found, nil
}

func value(path, name string, get func([]byte) (int, error)) ([]byte, error) {
	value, err := read(get)
	if err != nil {
		return nil, &os.PathError{Op: "getxattr " + name, Path: path, Err: err}
	}
	return value, nil
}

func read(get func([]byte) (int, error)) ([]byte, error) {
	buf := make([]byte, usual)
	n, err := get(buf)
	if errors.Is(err, unix.ERANGE) {
		buf = make([]byte, largest)
		n, err = get(buf)
	}
	if err != nil {
		return nil, err
	}
	return buf[:n], nil
}
