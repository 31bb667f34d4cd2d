package main

import (
	"context"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// stdin is this command's, as a stream that ends with ctx: a plain read of a pipe
// or a terminal goes on until somebody writes. A regular file is the file itself.
func stdin(ctx context.Context) io.Reader {
	if info, err := os.Stdin.Stat(); err == nil && info.Mode().IsRegular() {
		return os.Stdin
	}
	return polled{ctx, os.Stdin}
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
