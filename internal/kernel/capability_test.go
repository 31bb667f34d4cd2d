package kernel_test

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/kernel"
)

// status reads a set of capabilities from /proc/self/status, as a second source.
func status(t *testing.T, field string) uint64 {
	t.Helper()
	f, err := os.Open("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if value, ok := strings.CutPrefix(s.Text(), field+":"); ok {
			n, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("/proc/self/status has no %s", field)
	return 0
}

func TestCapabilities(t *testing.T) {
	effective := status(t, "CapEff")
	for c := range unix.CAP_LAST_CAP + 1 {
		if got, want := kernel.HasCapability(c), effective&(1<<c) != 0; got != want {
			t.Errorf("capability %d: %t, want %t", c, got, want)
		}
	}
	if got, want := kernel.BoundingCapabilities(), status(t, "CapBnd"); got != want {
		t.Errorf("bounding set %x, want %x", got, want)
	}
}

// TestSeccomp asks the kernel itself whether it supports filters: with a null pointer it returns
// EFAULT if it does, and EINVAL if not (prctl(2)).
func TestSeccomp(t *testing.T) {
	err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, 0, 0, 0)
	if got, want := kernel.Seccomp(), err == unix.EFAULT; got != want {
		t.Errorf("Seccomp() = %t; the kernel says %v", got, err)
	}
}
