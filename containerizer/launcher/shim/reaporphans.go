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

// reapOrphans reaps the children that no other code waits for, until the caller calls stop. As a
// subreaper the shim inherits orphans of a container without its own pid namespace. A failed exec
// leaves children too: see Exec of engine.Container. If such a child had entered the pid namespace,
// init could not exit while it is a zombie (pid_namespaces(7)).
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

// reapUntil reaps when a child has died. It tries again shortly while a zombie exists that another
// goroutine will reap, because waitid(2) shows no zombie behind that one.
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

// reap reaps zombie children until it finds one for which known returns true: another goroutine
// waits for that one. It returns true if it reaped all. The caller ensures that no child is being
// started, because known cannot know it yet.
func reap(known func(pid int) bool) (all bool) {
	for {
		pid, err := peek()
		if err != nil || pid == 0 {
			return true
		}
		if known(pid) {
			return false
		}
		_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil) // does not block, because the child is a zombie
	}
}

// siginfo is the beginning of siginfo_t for SIGCHLD on 64-bit Linux (sigaction(2)).
type siginfo struct {
	signo, errno, code, _ int32
	pid                   int32
	_                     [108]byte
}

// peek returns the pid of a zombie child without reaping it (waitid(2), WNOWAIT), or 0 if there is
// none.
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
