package runtime_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/isolators/isolatortest"
)

// TestHostilePasswd looks up a user in images whose /etc/passwd is not a regular file. The host has
// a user "host-only", whose file no image may reach.
func TestHostilePasswd(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "passwd")
	if err := os.WriteFile(outside, []byte("host-only:x:7:7::/:\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, user string
		make       func(root, passwd string) error
		uid        int // -1: refused
	}{
		{"an absolute link out", "host-only", func(_, passwd string) error { return os.Symlink(outside, passwd) }, -1},
		{"a relative link out", "host-only", func(_, passwd string) error {
			return os.Symlink(strings.Repeat("../", 40)+outside, passwd)
		}, -1},
		{"an absolute link within", "mine", func(root, passwd string) error {
			return errors.Join(os.WriteFile(filepath.Join(root, "other"), []byte("mine:x:9:9::/:\n"), 0o644),
				os.Symlink("/other", passwd))
		}, 9},
		{"a relative link that would climb out stays within", "mine", func(root, passwd string) error {
			return errors.Join(os.WriteFile(filepath.Join(root, "other"), []byte("mine:x:9:9::/:\n"), 0o644),
				os.Symlink("../../../other", passwd))
		}, 9},
		{"a magic link", "host-only", func(_, passwd string) error {
			return os.Symlink("/proc/self/root"+outside, passwd)
		}, -1},
		{"a loop", "", func(_, passwd string) error { return os.Symlink("passwd", passwd) }, -1},
		{"a FIFO", "", func(_, passwd string) error { return unix.Mkfifo(passwd, 0o644) }, -1},
		{"a terminal", "", func(_, passwd string) error {
			return unix.Mknod(passwd, unix.S_IFCHR|0o644, int(unix.Mkdev(5, 0)))
		}, -1},
		{"an endless device", "", func(_, passwd string) error {
			return unix.Mknod(passwd, unix.S_IFCHR|0o644, int(unix.Mkdev(1, 5)))
		}, -1},
		{"a directory", "", func(_, passwd string) error { return os.Mkdir(passwd, 0o755) }, -1},
		{"a file of a terabyte", "", func(_, passwd string) error {
			return errors.Join(os.WriteFile(passwd, nil, 0o644), os.Truncate(passwd, 1<<40))
		}, -1},
		{"a hundred thousand users", "user99999", func(_, passwd string) error {
			var b strings.Builder
			for n := range 100000 {
				b.WriteString("user" + decimal(n) + ":x:" + decimal(n) + ":5::/:\n")
			}
			return os.WriteFile(passwd, []byte(b.String()), 0o644)
		}, 99999},
		{"nonsense", "x", func(_, passwd string) error {
			return os.WriteFile(passwd, []byte(":::\n\x00\xff\n\nx:x:12:13\n"), 0o644)
		}, 12},
		{"nothing", "12", func(string, string) error { return nil }, 12},
	} {
		t.Run(c.name, func(t *testing.T) {
			container := isolatortest.NewContainer(t, process(mctr.Process{User: c.user, Args: []string{"x"}}))
			passwd := filepath.Join(container.Rootfs, "etc", "passwd")
			if err := errors.Join(os.Remove(passwd), c.make(container.Rootfs, passwd)); err != nil {
				t.Fatal(err)
			}
			uid, err := lookUp(t, container)
			if c.uid < 0 && err == nil {
				t.Errorf("user %q is %d, want an error", c.user, uid)
			}
			if c.uid >= 0 && (err != nil || uid != c.uid) {
				t.Errorf("user %q is %d, %v; want %d", c.user, uid, err, c.uid)
			}
		})
	}
}

func decimal(n int) string {
	if n < 10 {
		return string('0' + rune(n))
	}
	return decimal(n/10) + decimal(n%10)
}

// lookUp fails the test if Prepare hangs.
func lookUp(t *testing.T, c *mctr.Container) (uid int, err error) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		var a *mctr.Adjustment
		if a, err = newIsolator().Prepare(t.Context(), c); err == nil {
			uid = int(a.Spec.Process.User.UID)
		}
	}()
	select {
	case <-done:
		return uid, err
	case <-time.After(30 * time.Second):
		t.Fatal("Prepare hangs")
		return 0, nil
	}
}
