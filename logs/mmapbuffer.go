package logs

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// A buffer is memory outside the Go heap. Its pages exist only once they are touched, so that the
// large buffer of a silent task costs nothing, and release returns them to the kernel at once
// instead of after a garbage collection.
type buffer []byte

func newBuffer(size int) (buffer, error) {
	b, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("map a buffer of %d bytes: %w", size, err)
	}
	_ = unix.Madvise(b, unix.MADV_NOHUGEPAGE) // one byte must not cost 2 MiB; EINVAL: the kernel has no huge pages
	return b, nil
}

// release returns b's pages to the kernel; b is zeroed.
func (b buffer) release() { _ = unix.Madvise(b, unix.MADV_DONTNEED) }

// free unmaps b, which must not be used afterwards.
func (b buffer) free() {
	if b != nil {
		_ = unix.Munmap(b)
	}
}
