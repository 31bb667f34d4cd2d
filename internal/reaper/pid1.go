// Package reaper is a container's init for --init: it starts one command,
// forwards signals to it, reaps every orphan, and ends as the command ended. It
// creates nothing else. [Pause] does that without a command.
package reaper

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// Run runs argv to its end and returns the exit code for this process: the
// command's own, 128+n after signal n, 127 or 126 when it could not be started.
func Run(argv []string) int {
	if len(argv) == 0 {
		fmt.Fprintln(os.Stderr, "init: no command")
		return 127
	}
	signals := make(chan os.Signal, 64)
	signal.Notify(signals)
	child, err := start(argv)
	if err != nil {
		fmt.Fprintln(os.Stderr, "init:", err)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, exec.ErrNotFound) {
			return 127
		}
		return 126
	}
	for s := range signals {
		if s != unix.SIGCHLD {
			forward(child, s)
			continue
		}
		status, ended := reap(child)
		switch {
		case !ended:
		case status.Signaled():
			return 128 + int(status.Signal())
		default:
			return status.ExitStatus()
		}
	}
	return 125 // not reached: signals is never closed
}

// Pause reaps whatever comes, until a signal asks for the end, and returns 0: it
// holds the namespaces of a group.
func Pause() int {
	signals := make(chan os.Signal, 64)
	signal.Notify(signals)
	for s := range signals {
		switch s {
		case unix.SIGCHLD:
			reap(0)
		case unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT:
			return 0
		}
	}
	return 125 // not reached: signals is never closed
}

// start runs the command in the foreground of the terminal, if there is one.
func start(argv []string) (pid int, err error) {
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return 0, err
	}
	_, notTerminal := unix.IoctlGetTermios(0, unix.TCGETS)
	return syscall.ForkExec(path, argv, &syscall.ProcAttr{
		Env: os.Environ(), Files: []uintptr{0, 1, 2},
		Sys: &syscall.SysProcAttr{Setpgid: true, Foreground: notTerminal == nil, Ctty: 0},
	})
}

// forward passes s on, but for what the terminal or the runtime means for init.
func forward(child int, s os.Signal) {
	number, ok := s.(syscall.Signal)
	if !ok || number == unix.SIGURG || number == unix.SIGPIPE || number == unix.SIGTTOU || number == unix.SIGTTIN {
		return
	}
	_ = syscall.Kill(child, number)
}

// reap waits for every process that has ended, and says whether child did.
func reap(child int) (status syscall.WaitStatus, ended bool) {
	for {
		var s syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &s, syscall.WNOHANG, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil || pid <= 0 {
			return status, ended
		}
		if pid == child {
			status, ended = s, true
		}
	}
}
