// Package reaper is a container's init for --init: it starts one command, forwards signals to it,
// reaps every orphan, and exits with the command's status. [Pause] is an init without a command.
// The package creates nothing else.
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

// Run runs argv and returns the exit code for this process: that of the command, 128+n if signal n
// killed it, 127 or 126 if it could not be started.
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

// Pause reaps every child until a signal asks it to exit, and returns 0. Its process holds the
// namespaces of a group.
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

// start starts the command in the foreground of the terminal, if there is one.
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

// forward passes s on to the command, except signals that the terminal or the Go runtime sends to
// init itself.
func forward(child int, s os.Signal) {
	number, ok := s.(syscall.Signal)
	if !ok || number == unix.SIGURG || number == unix.SIGPIPE || number == unix.SIGTTOU || number == unix.SIGTTIN {
		return
	}
	_ = syscall.Kill(child, number)
}

// reap waits for every process that has exited and returns true if child is one of them.
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
