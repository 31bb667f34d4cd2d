package usage

import (
	"bytes"
	"math"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/cgroup"
)

// files are those of a group under one controller. They are read into one
// buffer: what read returns lasts until the next read.
type files struct {
	kept       *openFiles // nil: nothing is
	controller string
	dir        string // with a slash at its end; "" where this host has no such controller
	buffer     []byte
}

// size is of a buffer that holds the whole of most files.
const size = 4096

// files finds the files; done gives their buffer back.
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

// read gives a file's content; nil when it cannot be read.
func (f *files) read(name string) []byte {
	if f.dir == "" {
		return nil
	}
	return f.kept.read(f, key{f.controller, name}, func() (int, error) { return open(f.dir + name) })
}

// open does what os.Open does at several times the cost of the kernel's part: it
// asks each file whether it can be polled.
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
	defer unix.Close(fd) // of a file only read, it tells nothing
	text, _ := f.from(fd)
	return text
}

// longest is more than a line of these files has. A read that leaves room for one
// has come to the end (fs/seq_file.c), and need not be followed by an empty one.
const longest = 1024

// from reads a file from its beginning.
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

// number reads a file of one number; false for "max", and where there is none.
func (f *files) number(name string) (uint64, bool) { return parse(bytes.TrimSpace(f.read(name))) }

// count is number, and 0 where there is none.
func (f *files) count(name string) uint64 {
	n, _ := f.number(name)
	return n
}

// keyed reads a flat keyed file: "key value" lines.
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

// parse reads an unsigned number that is digits and nothing else.
func parse(digits []byte) (n uint64, ok bool) {
	for _, d := range digits {
		if d < '0' || d > '9' || n > (math.MaxUint64-uint64(d-'0'))/10 {
			return 0, false
		}
		n = 10*n + uint64(d-'0')
	}
	return n, len(digits) > 0
}
