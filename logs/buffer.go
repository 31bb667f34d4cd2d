package logs

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// A buffer is memory outside the Go heap: a page of it exists only once it is
// touched, so that a full-size buffer costs a silent task nothing, and release
// gives the pages back at once instead of after a garbage collection.
type buffer []byte

func newBuffer(size int) (buffer, error) {
	b, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("map a buffer of %d bytes: %w", size, err)
	}
	_ = unix.Madvise(b, unix.MADV_NOHUGEPAGE) // one byte must not cost 2 MiB; EINVAL: a kernel without huge pages
	return b, nil
}

// release empties b and gives its pages back.
func (b buffer) release() { _ = unix.Madvise(b, unix.MADV_DONTNEED) }

// free ends b; nothing may touch it afterwards.
func (b buffer) free() {
	if b != nil {
		_ = unix.Munmap(b)
	}
}
