package main

import (
	"context"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// stdin is this command's, as a stream that ends with ctx: a plain read of a pipe
// or a terminal goes on until somebody writes. A regular file is the file itself.
func stdin(ctx context.Context) io.Reader { return streamOf(ctx, os.Stdin) }

// streamOf is f itself if it is a file or a directory.
func streamOf(ctx context.Context, f *os.File) io.Reader {
	if info, err := f.Stat(); err == nil && (info.Mode().IsRegular() || info.IsDir()) {
		return f
	}
	return polled{ctx, f}
}

// openInput opens a file to be read. A named pipe is waited for until somebody writes
// to it, or ctx ends.
func openInput(ctx context.Context, path string) (*os.File, error) {
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
