package usage

import (
	"bytes"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/cgroup"
)

// files are those of a group under one controller. They are read into one
// buffer: what read returns lasts until the next read.
type files struct {
	dir    string // with a slash at its end; "" where this host has no such controller
	buffer []byte
}

// size is of a buffer that holds the whole of most files.
const size = 4096

// of finds the files. os.ReadFile would cost several times what the kernel does:
// it asks each file whether it can be polled, and how large it is.
func of(controller, group string) files {
	f := files{buffer: make([]byte, size)}
	if dir := cgroup.Dir(controller, ""); dir != "" {
		f.dir = dir + "/" + group + "/"
	}
	return f
}

// longest is more than a line of these files has. A read that leaves room for one
// has come to the end (fs/seq_file.c), and need not be followed by an empty one.
const longest = 1024

// read gives a file's content; nil when it cannot be read.
func (f *files) read(name string) []byte {
	if f.dir == "" {
		return nil
	}
	fd, err := open(f.dir + name)
	if err != nil {
		return nil
	}
	defer unix.Close(fd) // of a file only read, it tells nothing
	for used := 0; ; {
		n, err := unix.Read(fd, f.buffer[used:])
		switch {
		case err == unix.EINTR:
		case err != nil:
			return nil
		case n == 0:
			return f.buffer[:used]
		default:
			used += n
			if len(f.buffer)-used > longest {
				return f.buffer[:used]
			}
			f.buffer = append(f.buffer, make([]byte, len(f.buffer))...)
		}
	}
}

func open(path string) (int, error) {
	for {
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != unix.EINTR {
			return fd, err
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

func parse(digits []byte) (uint64, bool) {
	n, err := strconv.ParseUint(string(digits), 10, 64)
	return n, err == nil
}
