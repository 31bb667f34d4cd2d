package usage

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A key identifies a file of a group.
type key struct{ controller, name string }

// openFiles holds the open files of one group.
type openFiles struct {
	meter *Meter
	asked time.Time // when the group was last read; guarded by the meter's lock

	mu    sync.Mutex
	files map[key]int // nil: dropped
}

// read reads the open file called name, or opens it and keeps it open. If an open file is
// unreadable, its group was removed. Then read closes all files of the group, because another group
// may have its name now.
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
		_ = unix.Close(fd) // no data can be lost: the file was only read
		return text
	}
	k.files[name] = fd
	return text
}

// close closes the open files. The caller holds the lock.
func (k *openFiles) close() {
	for _, fd := range k.files {
		_ = unix.Close(fd) // no data can be lost: the file was only read
	}
	clear(k.files)
}

// gone returns true if the group was removed or none of its files are open.
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
