package shim

import (
	"errors"
	"os"
	"os/signal"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/containerizer/launcher/engine"
)

// reapOrphans reaps the children that no other code waits for. The shim inherits some as
// subreaper, when the container has no init of its own pid namespace to do it. And an
// exec that fails on its way in leaves some: see engine.Container's Exec. One of those
// that had reached the pid namespace would keep init from ending (pid_namespaces(7)),
// and with it the container. The result ends it.
func reapOrphans(c engine.Container, waited *sessions) (stop func()) {
	init := c.Init().Pid
	owned := func(int) bool { return false }
	if e, ok := c.(engine.ChildOwner); ok {
		owned = e.OwnsChild
	}
	died := make(chan os.Signal, 1)
	signal.Notify(died, unix.SIGCHLD)
	done := make(chan struct{})
	go reapUntil(done, died, func() bool {
		return waited.reap(func(pid int) bool { return pid == init || owned(pid) })
	})
	return func() {
		signal.Stop(died)
		close(done)
		waited.reap(owned)
	}
}

// reapUntil reaps when children have died, and soon again as long as one is there
// that another waiter is about to take: the kernel shows none behind it before.
func reapUntil(done <-chan struct{}, died <-chan os.Signal, reap func() (all bool)) {
	var again <-chan time.Time
	for {
		select {
		case <-done:
			return
		case <-died:
		case <-again:
		}
		again = nil
		if !reap() {
			again = time.After(time.Millisecond)
		}
	}
}

// reap waits for the zombie children up to the first that is known to another
// waiter, and reports whether there was none such. The caller sees to it that no
// child is being made, whose maker knows it and the known function does not.
func reap(known func(pid int) bool) (all bool) {
	for {
		pid, err := peek()
		if err != nil || pid == 0 {
			return true
		}
		if known(pid) {
			return false
		}
		_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil) // it is a zombie, so this is no wait
	}
}

// siginfo is the head of siginfo_t for SIGCHLD on 64-bit Linux (sigaction(2)).
type siginfo struct {
	signo, errno, code, _ int32
	pid                   int32
	_                     [108]byte
}

// peek gives a zombie child without reaping it (waitid(2), WNOWAIT); 0: none.
func peek() (int, error) {
	var info siginfo
	for {
		_, _, errno := unix.Syscall6(unix.SYS_WAITID, unix.P_ALL, 0, uintptr(unsafe.Pointer(&info)),
			unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, 0, 0)
		if errors.Is(errno, unix.EINTR) {
			continue
		}
		if errno != 0 {
			return 0, errno
		}
		return int(info.pid), nil
	}
}
