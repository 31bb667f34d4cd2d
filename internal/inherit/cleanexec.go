// Package inherit chooses what other programs get of the process that starts them:
// supervisors and network plugins behave alike under cron, systemd, sudo and a shell.
// Everything of exec(2) that a caller could have set is set: the environment, the umask,
// the signal mask, limits, niceness and descriptors; the working directory is the
// command's. It creates nothing.
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

// Path is where programs are looked for, in the form of an environment's variable: a
// caller's, as cron's, may lack the directories of administration.
const Path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Umask is that of supervisors and plugins, and of containers.
const Umask = 0o022

// Start starts cmd with Umask, no signal blocked and no niceness, in cmd.Dir or else in
// /, which keeps no filesystem busy. The niceness, which Linux has for each thread, takes
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
	files     = 1 << 20        // what docker's daemon gives, and the kernel's own most
	locked    = 8 << 20        // the kernel's default
	messages  = 819200         // the kernel's default
	stack     = 8 << 20        // the kernel's default
)

// limits are those of a process without limits, by docker's choice where the
// kernel's default is less than containers expect. Those of pending signals depend on
// the size of the host, and are left.
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

// Unlimit gives this process, and so its children, the limits of one without
// limits. Without CAP_SYS_RESOURCE a hard limit cannot be raised: then the soft one is
// brought up to it.
func Unlimit() {
	for resource, want := range limits {
		// By package syscall, which otherwise restores NOFILE in children.
		if syscall.Setrlimit(resource, &syscall.Rlimit{Cur: want.Cur, Max: want.Max}) == nil {
			continue
		}
		have := unix.Rlimit{}
		if unix.Getrlimit(resource, &have) == nil {
			_ = syscall.Setrlimit(resource, &syscall.Rlimit{Cur: min(want.Cur, have.Max), Max: min(want.Max, have.Max)})
		}
	}
}

// Seal keeps descriptors that this process' caller left open from its children: they
// are closed when another program is executed.
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

// Hush has this process catch the signals that its caller had it ignore, as nohup(1) does
// and a shell of what runs in the background, and do nothing on them: what is ignored
// would be ignored by its children too, what is caught is not (signal(7)). It returns
// them, but for those of the C library, which get their default action.
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

// The signals that C libraries keep for their threads: package os/signal cannot catch
// them. glibc's posix_spawn(3), which make(1) uses, has its children ignore the first two.
const (
	firstInternal = 32
	lastInternal  = 34
)

// restore gives a signal its default action: a sigaction(2) of zeros.
func restore(number unix.Signal) {
	var action [8]uint64 // larger than the kernel's structure on any architecture
	const maskSize = 8
	_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(number), uintptr(unsafe.Pointer(&action)), 0, maskSize, 0,
		0)
}
