package ociruntime

import (
	"errors"
	"os"
	ossignal "os/signal"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/containerizer/launcher/engine"
)

type signals chan os.Signal

// listen begins before there is a process, so that its end is not missed.
func listen() signals {
	s := make(signals, 2048)
	ossignal.Notify(s)
	return s
}

// supervise passes signals on and reaps until the process has ended; it gives
// the exit code as a shell does.
func (b *startedProcess) supervise(s signals) int {
	defer b.terminal.close()
	if code, ended := b.reap(); ended {
		return code
	}
	for received := range s {
		switch received := received.(unix.Signal); received {
		case unix.SIGCHLD:
			if code, ended := b.reap(); ended {
				return code
			}
		case unix.SIGWINCH:
			b.terminal.resize()
		case unix.SIGURG, unix.SIGPIPE: // Go's own
		default:
			_ = unix.Kill(b.Pid, received)
		}
	}
	return 255 // not reached: s is never closed
}

// reap waits for every child that has ended, orphans of the container among them.
func (b *startedProcess) reap() (code int, ended bool) {
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WNOHANG, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || pid <= 0 {
			return code, ended
		}
		if pid != b.Pid {
			continue
		}
		ended, code = true, engine.StatusOf(status).Code
	}
}
