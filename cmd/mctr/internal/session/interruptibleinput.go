package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
)

// maxLine bounds the length of a line, in bytes.
const maxLine = 1 << 20

// ReadLine reads a line, and no byte after its end.
func ReadLine(r io.Reader) (string, error) {
	var line []byte
	for b := make([]byte, 1); len(line) <= maxLine; {
		n, err := r.Read(b)
		if n > 0 && b[0] == '\n' {
			return strings.TrimSuffix(string(line), "\r"), nil
		}
		line = append(line, b[:n]...)
		if errors.Is(err, io.EOF) {
			return string(line), nil
		}
		if err != nil {
			return "", err
		}
	}
	return "", fmt.Errorf("%w: the line is longer than %d bytes", mctr.ErrInvalid, maxLine)
}

// Stdin returns the stdin of this process as a stream that fails when ctx ends. A plain read of a pipe
// or terminal would block until a process writes to it.
func Stdin(ctx context.Context) io.Reader { return StreamOf(ctx, os.Stdin) }

// StreamOf returns a stream of f that fails when ctx ends. A regular file or directory never blocks,
// and is returned unchanged.
func StreamOf(ctx context.Context, f *os.File) io.Reader {
	if info, err := f.Stat(); err == nil && (info.Mode().IsRegular() || info.IsDir()) {
		return f
	}
	return polled{ctx, f}
}

// OpenInput opens a file for reading. If the file is a named pipe, it waits until a process opens it
// for writing, or ctx ends.
func OpenInput(ctx context.Context, path string) (*os.File, error) {
	return openContext(ctx, path, os.O_RDONLY)
}

// openContext opens a file that may be a named pipe, and stops waiting for it when ctx ends.
func openContext(ctx context.Context, path string, flags int) (*os.File, error) {
	type opened struct {
		f   *os.File
		err error
	}
	done := make(chan opened, 1)
	go func() {
		f, err := os.OpenFile(path, flags, 0)
		done <- opened{f, err}
	}()
	select {
	case o := <-done:
		return o.f, o.err
	case <-ctx.Done(): // the goroutine keeps waiting until this process exits
		return nil, context.Cause(ctx)
	}
}

type polled struct {
	ctx context.Context
	f   *os.File
}

// Read polls the file, and fails when the context ends.
func (p polled) Read(b []byte) (int, error) {
	fds := []unix.PollFd{{Fd: int32(p.f.Fd()), Events: unix.POLLIN}}
	for {
		if err := p.ctx.Err(); err != nil {
			return 0, context.Cause(p.ctx)
		}
		n, err := unix.Poll(fds, 100)
		if err != nil && err != unix.EINTR { //nolint:errorlint // a bare errno
			return 0, os.NewSyscallError("poll", err)
		}
		if n > 0 {
			return p.f.Read(b)
		}
	}
}
