package puller

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"syscall"

	"github.com/mctr/mctr"
)

// A directory is a tree on disk. os.Root keeps symbolic links in it from leading outside.
type directory struct{ root *os.Root }

func (d directory) open(name string, offset int64) (io.ReadCloser, int64, error) {
	f, err := d.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil, 0, fmt.Errorf("%w: %w", mctr.ErrNotFound, err)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", mctr.ErrInvalid, err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%w: %s is not a regular file", mctr.ErrInvalid, name)
	}
	if err == nil {
		_, err = f.Seek(offset, io.SeekStart)
	}
	if err != nil {
		_ = f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

func (d directory) stamp() string {
	info, err := d.root.Stat("index.json")
	if err != nil {
		return ""
	}
	return stampOf(info)
}

func (d directory) Close() error { return d.root.Close() }

// stampOf returns a text that differs between states of a file: a writer changes its time, size or
// inode.
func stampOf(info os.FileInfo) string {
	ino := uint64(0)
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		ino = st.Ino
	}
	return fmt.Sprintf("%d-%d-%d", info.ModTime().UnixNano(), info.Size(), ino)
}

// Stamp returns the stamp that the source of a local reference would have now, by one stat of its
// file. It is empty for a registry or if the file does not exist.
func (r Reference) Stamp() string {
	name := r.Path
	switch r.Kind {
	case Registry, Rootfs:
		return ""
	case Layout:
		name = path.Join(r.Path, "index.json")
	}
	info, err := os.Stat(name)
	if err != nil {
		return ""
	}
	return stampOf(info)
}
