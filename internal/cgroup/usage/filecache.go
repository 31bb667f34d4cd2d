package usage

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A key names a file of a group.
type key struct{ controller, name string }

// openFiles is what a meter holds open of one group.
type openFiles struct {
	meter *Meter
	asked time.Time // last; the meter's lock guards it

	mu    sync.Mutex
	files map[key]int // nil: dropped
}

// read reads the file that is kept as k, or opens it and keeps it. Where a kept
// one cannot be read, its group has been removed, and all of it is closed: the
// name may be another group's by now.
func (k *openFiles) read(f *files, name key, open func() (int, error)) []byte {
	if k == nil {
		return f.once(open)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if fd, is := k.files[name]; is {
		if text, err := f.from(fd); err == nil {
			return text
		}
		k.close()
	}
	fd, err := open()
	if err != nil {
		return nil
	}
	text, _ := f.from(fd)
	if k.files == nil || fd >= k.meter.below {
		_ = unix.Close(fd) // of a file only read, it tells nothing
		return text
	}
	k.files[name] = fd
	return text
}

// close closes what is open. The lock is held.
func (k *openFiles) close() {
	for _, fd := range k.files {
		_ = unix.Close(fd) // of a file only read, it tells nothing
	}
	clear(k.files)
}

// gone reports whether the group has been removed, or nothing of it is kept.
func (k *openFiles) gone() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	for name, fd := range k.files {
		if name != interfacesFile {
			_, err := unix.Pread(fd, make([]byte, 1), 0)
			return err != nil
		}
	}
	return true
}
