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

// maxLine bounds what is read as a line.
const maxLine = 1 << 20

// ReadLine reads a line and not a byte beyond it.
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
	return "", fmt.Errorf("%w: a line of more than %d bytes", mctr.ErrInvalid, maxLine)
}

// Stdin is this command's, as a stream that ends with ctx: a plain read of a pipe
// or a terminal goes on until a process writes. A regular file is the file itself.
func Stdin(ctx context.Context) io.Reader { return StreamOf(ctx, os.Stdin) }

// StreamOf is f itself if it is a file or a directory.
func StreamOf(ctx context.Context, f *os.File) io.Reader {
	if info, err := f.Stat(); err == nil && (info.Mode().IsRegular() || info.IsDir()) {
		return f
	}
	return polled{ctx, f}
}

// OpenInput opens a file to be read. A named pipe is waited for until a process writes
// to it, or ctx ends.
func OpenInput(ctx context.Context, path string) (*os.File, error) {
	return openContext(ctx, path, os.O_RDONLY)
}

// openContext opens what may make its opener wait.
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
	case <-ctx.Done(): // this command ends, and with it the waiting
		return nil, context.Cause(ctx)
	}
}

type polled struct {
	ctx context.Context
	f   *os.File
}

// Read looks every moment whether anything is there to be read.
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
