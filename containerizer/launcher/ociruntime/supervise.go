package ociruntime

import (
	"errors"
	"os"
	ossignal "os/signal"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/containerizer/launcher/engine"
)

type signals chan os.Signal

// listen starts to receive signals. It must be called before the process starts, so that no SIGCHLD
// is missed.
func listen() signals {
	s := make(signals, 2048)
	ossignal.Notify(s)
	return s
}

// supervise forwards signals and reaps children until the process has exited. It returns the exit
// code in the form of a shell.
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
		case unix.SIGURG, unix.SIGPIPE: // used by the Go runtime
		default:
			_ = unix.Kill(b.Pid, received)
		}
	}
	return 255 // unreachable, because s is never closed
}

// reap reaps all zombie children, including orphans of the container.
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
