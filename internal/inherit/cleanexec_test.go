package inherit_test

import (
	"bytes"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/inherit"
	"github.com/mctr/mctr/internal/ownthread"
)

// TestStart starts a command from a thread with a strict umask and a blocked signal.
func TestStart(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	var out bytes.Buffer
	cmd := exec.Command("sh", "-c", "pwd; umask; grep SigBlk /proc/self/status")
	cmd.Stdout = &out
	err := ownthread.Run(0, func() error {
		blocked := &unix.Sigset_t{}
		blocked.Val[0] = 1 << (unix.SIGTERM - 1)
		if err := unix.PthreadSigmask(unix.SIG_SETMASK, blocked, nil); err != nil {
			return err
		}
		return inherit.Start(cmd)
	})
	if err == nil {
		err = cmd.Wait()
	}
	if want := regexp.MustCompile(`^/\n0022\nSigBlk:\t0+\n$`); err != nil || !want.MatchString(out.String()) {
		t.Errorf("%q, %v", out.String(), err)
	}
}

// TestHush ignores a signal of each kind: one that package os/signal can catch, a realtime signal,
// and those of the C library, which make(1) makes its children ignore. A child must ignore none of
// them.
func TestHush(t *testing.T) {
	const ignore = 1 // SIG_IGN
	for _, number := range []unix.Signal{unix.SIGUSR2, 32, 33, 34, 50} {
		action := [8]uint64{ignore}
		_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(number), uintptr(unsafe.Pointer(&action)), 0, 8,
			0, 0)
		if errno != 0 {
			t.Fatal(number, errno)
		}
	}
	inherit.Hush()
	out, err := exec.CommandContext(t.Context(), "grep", "SigIgn", "/proc/self/status").Output()
	if _, mask, _ := strings.Cut(string(out), ":\t"); err != nil || strings.Trim(mask, "0") != "\n" {
		t.Errorf("a child ignores %s, %v", out, err)
	}
}
