package logs

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// An input is the read end of a task's pipe, or the master of its terminal.
//
// It does not use the Go runtime's poller, which registers files edge-triggered: then the kernel
// wakes the poller for every write of the task, even while no goroutine waits (pipe_write and
// pipe->poll_usage in fs/pipe.c). A one-shot registration in an epoll of the input's own wakes it
// once for each wait. This epoll is registered in the runtime's poller, so that no thread is
// blocked either.
type input struct {
	fd    int
	epoll *os.File
	pipe  int // capacity of the pipe in bytes; 0 for a terminal
}

// newInput returns an input for r. It closes r, even if it fails.
func newInput(r *os.File) (*input, error) {
	defer r.Close() // removes r from the runtime's poller
	fd, err := unix.FcntlInt(r.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.Name(), err)
	}
	in := &input{fd: fd, pipe: enlarge(fd)}
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("%s: %w", r.Name(), err)
	}
	if in.epoll, err = newEpoll(fd); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("wait for %s (it must be a pipe or terminal): %w", r.Name(), err)
	}
	return in, nil
}

// enlarge makes the pipe fd as large as permitted and returns its size.
func enlarge(fd int) (size int) {
	for want := pipeSize; want >= 128<<10; want /= 2 {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETPIPE_SZ, want); err == nil {
			break // EPERM: above fs.pipe-max-size or the user's limit
		}
	}
	size, err := unix.FcntlInt(uintptr(fd), unix.F_GETPIPE_SZ, 0)
	if err != nil {
		return 0
	}
	return size
}

// newEpoll returns an epoll in which fd is registered but not armed.
func newEpoll(fd int) (*os.File, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		unix.SetNonblock(ep, true),
		unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLONESHOT}),
	)
	if err != nil {
		_ = unix.Close(ep)
		return nil, err
	}
	return os.NewFile(uintptr(ep), "epoll"), nil
}

// read reads without blocking. It returns unix.EAGAIN if no data is available and 0 at the end.
func (in *input) read(p []byte) (int, error) {
	for {
		n, err := unix.Read(in.fd, p)
		if !errors.Is(err, unix.EINTR) {
			return max(n, 0), err
		}
	}
}

// wait returns when data or the end can be read, or with os.ErrDeadlineExceeded at the deadline.
func (in *input) wait() error {
	raw, err := in.epoll.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(ep uintptr) {
		failed = unix.EpollCtl(int(ep), unix.EPOLL_CTL_MOD, in.fd,
			&unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLONESHOT})
	})
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	return raw.Read(func(ep uintptr) bool {
		var events [1]unix.EpollEvent
		n, err := unix.EpollWait(int(ep), events[:], 0)
		return n > 0 || err != nil && !errors.Is(err, unix.EINTR)
	})
}

// deadline makes waits end at the time at; zero: never.
func (in *input) deadline(at time.Time) { _ = in.epoll.SetReadDeadline(at) }

// waiting returns the number of bytes that can be read now.
func (in *input) waiting() int {
	n, err := unix.IoctlGetInt(in.fd, unix.TIOCINQ)
	if err != nil {
		return 0
	}
	return n
}

func (in *input) close() {
	_ = in.epoll.Close()
	_ = unix.Close(in.fd)
}
