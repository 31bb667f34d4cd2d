package usage

import (
	"bytes"
	"math"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/cgroup"
)

// files reads a group's files of one controller into one buffer: the result of read is valid until
// the next read.
type files struct {
	kept       *openFiles // nil: files are not kept open
	controller string
	dir        string // with a trailing slash; "" if this host does not have the controller
	buffer     []byte
}

// size is the initial size of a buffer, which holds most files completely.
const size = 4096

// files returns the files of a group; done returns their buffer to the pool.
func (m *Meter) files(controller, group string) *files {
	f := m.buffer()
	f.kept, f.controller, f.dir = m.of(group), controller, ""
	if dir := cgroup.Dir(controller, ""); dir != "" {
		f.dir = dir + "/" + group + "/"
	}
	return f
}

func (m *Meter) buffer() *files {
	if m != nil {
		if f, ok := m.pool.Get().(*files); ok {
			return f
		}
	}
	return &files{buffer: make([]byte, size)}
}

func (m *Meter) done(f *files) {
	if m != nil {
		f.kept = nil
		m.pool.Put(f)
	}
}

// read returns a file's content, or nil if it is unreadable.
func (f *files) read(name string) []byte {
	if f.dir == "" {
		return nil
	}
	return f.kept.read(f, key{f.controller, name}, func() (int, error) { return open(f.dir + name) })
}

// open opens a file. os.Open would cost several times as much, because it tries to register each
// file with the poller.
func open(path string) (int, error) {
	for {
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

func (f *files) once(open func() (int, error)) []byte {
	fd, err := open()
	if err != nil {
		return nil
	}
	defer unix.Close(fd) // no data can be lost: the file was only read
	text, _ := f.from(fd)
	return text
}

// longest exceeds the length of any line in these files. A read that leaves space for one more line
// has reached the end (fs/seq_file.c), so that no empty read has to follow.
const longest = 1024

// from reads a file from its beginning to its end.
func (f *files) from(fd int) ([]byte, error) {
	for used := 0; ; {
		n, err := unix.Pread(fd, f.buffer[used:], int64(used))
		switch {
		case err == unix.EINTR:
		case err != nil:
			return nil, err
		case n == 0:
			return f.buffer[:used], nil
		default:
			used += n
			if len(f.buffer)-used > longest {
				return f.buffer[:used], nil
			}
			f.buffer = append(f.buffer, make([]byte, len(f.buffer))...)
		}
	}
}

// number reads a file with one number. It returns false for "max" and if there is no number.
func (f *files) number(name string) (uint64, bool) { return parse(bytes.TrimSpace(f.read(name))) }

// count is number without the second result.
func (f *files) count(name string) uint64 {
	n, _ := f.number(name)
	return n
}

// keyed reads a file of "key value" lines.
func (f *files) keyed(name string, set func(key []byte, n uint64)) {
	for rest := f.read(name); len(rest) > 0; {
		line, after, _ := bytes.Cut(rest, []byte("\n"))
		rest = after
		key, value, _ := bytes.Cut(line, []byte(" "))
		if n, ok := parse(value); ok {
			set(key, n)
		}
	}
}

// parse parses an unsigned number, which must consist of digits only.
func parse(digits []byte) (n uint64, ok bool) {
	for _, d := range digits {
		if d < '0' || d > '9' || n > (math.MaxUint64-uint64(d-'0'))/10 {
			return 0, false
		}
		n = 10*n + uint64(d-'0')
	}
	return n, len(digits) > 0
}
