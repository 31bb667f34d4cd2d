package inherit_test

import (
	"bytes"
	"os/exec"
	"regexp"
	"syscall"
	"testing"

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
