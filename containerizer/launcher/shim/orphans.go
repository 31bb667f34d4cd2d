package shim

import (
	"errors"
	"os"
	"os/signal"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/containerizer/launcher/engine"
)

// reapOrphans reaps the children that the shim inherits as subreaper, which
// happens when the container has no init of its own pid namespace to do it. It
// leaves those alone that somebody waits for. The result ends it.
func reapOrphans(c engine.Container, waited *sessions) (stop func()) {
	init := c.Init().Pid
	employed := func(int) bool { return false }
	if e, ok := c.(engine.Employer); ok {
		employed = e.Employs
	}
	died := make(chan os.Signal, 1)
	signal.Notify(died, unix.SIGCHLD)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-done:
				return
			case <-died:
				reap(func(pid int) bool { return pid == init || waited.has(pid) || employed(pid) })
			}
		}
	}()
	return func() {
		signal.Stop(died)
		close(done)
		reap(func(pid int) bool { return waited.has(pid) || employed(pid) })
	}
}

// reap waits for every zombie child that is not known to another waiter.
func reap(known func(pid int) bool) {
	for {
		pid, err := peek()
		if err != nil || pid == 0 || known(pid) {
			return
		}
		if _, err := unix.Wait4(pid, nil, unix.WNOHANG, nil); err != nil {
			return
		}
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
