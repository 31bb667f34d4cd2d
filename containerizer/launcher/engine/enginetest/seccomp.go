package enginetest

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"unsafe"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/containerizer/launcher/engine"
)

// filters wants the same seccomp program in a container, in a second one, in an exec, and after the
// engine's cache was damaged; and a different program for a different profile.
func filters(b *bench) {
	b.cache = b.TempDir()
	first := b.filter(profile("mkdir"))
	if got := b.filter(profile("mkdir")); !bytes.Equal(got, first) {
		b.Errorf("the second container's program has %d bytes, the first one's %d", len(got), len(first))
	}
	if got := b.filter(profile("rmdir")); bytes.Equal(got, first) {
		b.Error("another profile has the same program")
	}
	damage(b, b.cache)
	if got := b.filter(profile("mkdir")); !bytes.Equal(got, first) {
		b.Errorf("with a damaged cache the program has %d bytes, the first one's %d", len(got), len(first))
	}
}

// filter starts a container with the profile and returns the program of its init. It checks that
// the program works and that an exec has the same program.
func (b *bench) filter(p *specs.LinuxSeccomp) []byte {
	b.Helper()
	s := spec(sh("busybox mkdir /tmp/made; busybox rmdir /tmp/made; ls /proc/self/fd; sleep 100"))
	s.Linux.Seccomp = p
	c := b.startSpec(s)
	b.reads(b.out, p.Syscalls[1].Names[0]+": ")
	b.reads(b.out, "0\n1\n2\n3\n") // ls itself opened 3, so the engine left nothing open
	exec, out := b.exec(c, sh("echo ready; sleep 100"))
	b.reads(out, "ready")
	program := b.loaded(c.Init().Pid)
	if other := b.loaded(exec.Pid); !bytes.Equal(program, other) {
		b.Errorf("the exec's program has %d bytes, the container's %d", len(other), len(program))
	}
	if err := unix.Kill(exec.Pid, unix.SIGKILL); err != nil {
		b.Error(err)
	}
	b.ends(exec, engine.WaitStatus{Code: 137, Signal: 9}) // first, because init's exit waits for it
	b.kill(c)
	return program
}

// profile allows what a shell needs, answers EACCES to denied and EPERM to everything else. It
// names one architecture, because runc adds the rules for several in random order.
func profile(denied string) *specs.LinuxSeccomp {
	rest := map[string]string{"mkdir": "rmdir", "rmdir": "mkdir"}[denied]
	return &specs.LinuxSeccomp{
		DefaultAction: specs.ActErrno,
		Architectures: []specs.Arch{specs.ArchX86_64},
		Syscalls: []specs.LinuxSyscall{
			{Action: specs.ActAllow, Names: append([]string{rest}, needed...)},
			{Action: specs.ActErrno, Names: []string{denied}, ErrnoRet: &denyErrno},
			{Action: specs.ActAllow, Names: []string{"personality"},
				Args: []specs.LinuxSeccompArg{{Index: 0, Value: 0xffffffff, Op: specs.OpEqualTo}}},
		},
	}
}

var denyErrno = uint(unix.EACCES)

// needed are the system calls of a static busybox and of an engine's init.
var needed = []string{
	"access", "arch_prctl", "brk", "capget", "capset", "chdir", "clock_gettime", "clock_nanosleep", "clone", "clone3",
	"close", "close_range", "dup", "dup2", "dup3", "epoll_create1", "epoll_ctl", "epoll_pwait", "execve", "execveat",
	"exit", "exit_group", "faccessat", "faccessat2", "fchdir", "fchown", "fcntl", "fork", "fstat", "fstatfs", "futex",
	"getcwd", "getdents64", "getegid", "geteuid", "getgid", "getpgrp", "getpid", "getppid", "getrandom", "getrlimit",
	"gettid", "getuid", "ioctl", "lseek", "lstat", "madvise", "mmap", "mprotect", "munmap", "nanosleep", "newfstatat",
	"open", "openat", "openat2", "pipe", "pipe2", "poll", "prctl", "pread64", "prlimit64", "read", "readlink",
	"readlinkat", "restart_syscall", "rseq", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sched_getaffinity",
	"sched_yield", "set_robust_list", "set_tid_address", "setgid", "setgroups", "setuid", "sigaltstack", "stat",
	"statx", "tgkill", "uname", "unlink", "vfork", "wait4", "waitid", "write", "writev",
}

// loaded reads the only seccomp program of a process from the kernel: see PTRACE_SECCOMP_GET_FILTER
// in ptrace(2).
func (b *bench) loaded(pid int) []byte {
	b.Helper()
	runtime.LockOSThread() // the kernel ties the tracer to a thread
	defer runtime.UnlockOSThread()
	if err := unix.PtraceAttach(pid); err != nil {
		b.Fatalf("attach to %d: %v", pid, err)
	}
	defer func() { _ = unix.PtraceDetach(pid) }()
	if _, err := unix.Wait4(pid, nil, unix.WALL, nil); err != nil {
		b.Fatal(err)
	}
	n := b.getFilter(pid, nil)
	program := make([]byte, n*unix.SizeofSockFilter)
	b.getFilter(pid, unsafe.Pointer(unsafe.SliceData(program)))
	return program
}

// getFilter returns the number of instructions, and copies them to p unless p is nil.
func (b *bench) getFilter(pid int, p unsafe.Pointer) int {
	b.Helper()
	n, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_SECCOMP_GET_FILTER, uintptr(pid), 0, uintptr(p), 0, 0)
	if errno != 0 {
		b.Fatalf("seccomp program of %d: %v", pid, errno)
	}
	return int(n)
}

// damage changes a byte in every file in dir. An engine without a cache has no files.
func damage(b *bench, dir string) {
	b.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		b.Fatal(err)
	}
	for i, e := range entries {
		path := filepath.Join(dir, e.Name())
		data, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		data[len(data)-1-i%2*len(data)/2] ^= 1
		if err := os.WriteFile(path, data, 0o600); err != nil {
			b.Fatal(err)
		}
	}
}
