// Package inherit determines what other programs inherit from the process that starts them, so that
// supervisors and network plugins behave alike under cron, systemd, sudo and a shell. It sets
// everything that a caller may have changed and that survives exec(2): the environment, the umask,
// the signal mask, limits, niceness and descriptors; the working directory is that of the command.
// It creates nothing.
package inherit

import (
	"bytes"
	"math"
	"math/bits"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/ownthread"
)

// Path is the PATH for programs, as an environment variable. A caller's PATH, for instance cron's,
// may lack the directories for system administration.
const Path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Umask is the umask of supervisors, plugins and containers.
const Umask = 0o022

// Start starts cmd with Umask, no signal blocked and no niceness, in cmd.Dir or else in /, which
// does not keep a filesystem busy. Resetting the niceness, which Linux keeps for each thread, needs
// CAP_SYS_NICE.
func Start(cmd *exec.Cmd) error {
	if cmd.Dir == "" {
		cmd.Dir = "/"
	}
	return ownthread.Run(0, func() error {
		unix.Umask(Umask)
		_ = unix.Setpriority(unix.PRIO_PROCESS, 0, 0)
		if err := unix.PthreadSigmask(unix.SIG_SETMASK, &unix.Sigset_t{}, nil); err != nil {
			return os.NewSyscallError("pthread_sigmask", err)
		}
		return cmd.Start()
	})
}

const (
	unlimited = math.MaxUint64 // RLIM_INFINITY
	files     = 1 << 20        // the value of docker's daemon and the kernel's maximum
	locked    = 8 << 20        // the kernel's default
	messages  = 819200         // the kernel's default
	stack     = 8 << 20        // the kernel's default
)

// limits lists the limits of an unlimited process. Where the kernel's default is lower than
// containers expect, it has docker's value. It omits the limit on pending signals, which depends on
// the size of the host.
var limits = map[int]unix.Rlimit{
	unix.RLIMIT_AS:       {Cur: unlimited, Max: unlimited},
	unix.RLIMIT_CORE:     {Cur: unlimited, Max: unlimited},
	unix.RLIMIT_CPU:      {Cur: unlimited, Max: unlimited},
	unix.RLIMIT_DATA:     {Cur: unlimited, Max: unlimited},
	unix.RLIMIT_FSIZE:    {Cur: unlimited, Max: unlimited},
	unix.RLIMIT_LOCKS:    {Cur: unlimited, Max: unlimited},
	unix.RLIMIT_MEMLOCK:  {Cur: locked, Max: locked},
	unix.RLIMIT_MSGQUEUE: {Cur: messages, Max: messages},
	unix.RLIMIT_NICE:     {},
	unix.RLIMIT_NOFILE:   {Cur: files, Max: files},
	unix.RLIMIT_NPROC:    {Cur: unlimited, Max: unlimited},
	unix.RLIMIT_RSS:      {Cur: unlimited, Max: unlimited},
	unix.RLIMIT_RTPRIO:   {},
	unix.RLIMIT_RTTIME:   {Cur: unlimited, Max: unlimited},
	unix.RLIMIT_STACK:    {Cur: stack, Max: unlimited},
}

// Unlimit sets the limits of this process, which its children inherit, to those of an unlimited
// process. Without CAP_SYS_RESOURCE it cannot raise a hard limit, and raises the soft limit to the
// hard one instead.
func Unlimit() {
	for resource, want := range limits {
		// Not with package unix: package syscall would restore NOFILE in children.
		if syscall.Setrlimit(resource, &syscall.Rlimit{Cur: want.Cur, Max: want.Max}) == nil {
			continue
		}
		have := unix.Rlimit{}
		if unix.Getrlimit(resource, &have) == nil {
			_ = syscall.Setrlimit(resource, &syscall.Rlimit{Cur: min(want.Cur, have.Max), Max: min(want.Max, have.Max)})
		}
	}
}

// Seal keeps children from inheriting descriptors that this process inherited itself: they are
// closed on exec.
func Seal() {
	const first = 3
	if unix.CloseRange(first, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC) == nil {
		return
	}
	entries, err := os.ReadDir("/proc/self/fd") // a kernel before 5.11
	if err != nil {
		return
	}
	for _, e := range entries {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd >= first {
			unix.CloseOnExec(fd)
		}
	}
}

// Hush catches, and does nothing on, the signals that this process ignores because of its caller,
// as under nohup(1) or in the background of a shell: children inherit ignored signals, but not
// caught ones (signal(7)). It returns these signals, except those of the C library, which get their
// default action.
func Hush() (ignored []os.Signal) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil
	}
	_, mask, _ := bytes.Cut(status, []byte("\nSigIgn:\t"))
	mask, _, _ = bytes.Cut(mask, []byte("\n"))
	set, err := strconv.ParseUint(string(mask), 16, 64)
	if err != nil {
		return nil
	}
	for ; set != 0; set &= set - 1 {
		number := unix.Signal(bits.TrailingZeros64(set) + 1)
		if number >= firstInternal && number <= lastInternal {
			restore(number)
			continue
		}
		ignored = append(ignored, number)
	}
	if len(ignored) > 0 {
		signal.Notify(make(chan os.Signal, 1), ignored...)
	}
	return ignored
}

// The signals that C libraries use for their threads, which package os/signal cannot catch. glibc's
// posix_spawn(3), which make(1) uses, makes its children ignore the first two.
const (
	firstInternal = 32
	lastInternal  = 34
)

// restore resets a signal to its default action with a zero sigaction(2).
func restore(number unix.Signal) {
	var action [8]uint64 // larger than the kernel's structure on any architecture
	const maskSize = 8
	_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(number), uintptr(unsafe.Pointer(&action)), 0, maskSize, 0,
		0)
}
