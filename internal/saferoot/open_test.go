package saferoot_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/saferoot"
)

// TestNothingElseIsOpened puts files that must not be opened in place of a regular file. The device
// has no driver: opening it would fail with ENXIO.
func TestNothingElseIsOpened(t *testing.T) {
	for kind, place := range map[string]func(string) error{
		"a device":       func(p string) error { return unix.Mknod(p, unix.S_IFCHR|0o666, int(unix.Mkdev(250, 7))) },
		"a block device": func(p string) error { return unix.Mknod(p, unix.S_IFBLK|0o666, int(unix.Mkdev(250, 7))) },
		"a fifo":         func(p string) error { return unix.Mkfifo(p, 0o666) },
		"a socket":       func(p string) error { return unix.Mknod(p, unix.S_IFSOCK|0o666, 0) },
		"a link to a device": func(p string) error {
			return errors.Join(unix.Mknod(p+"d", unix.S_IFCHR|0o666, int(unix.Mkdev(250, 7))), os.Symlink("passwdd", p))
		},
		"a directory": func(p string) error { return os.Mkdir(p, 0o755) },
		"a huge file": func(p string) error { return errors.Join(os.WriteFile(p, nil, 0o644), os.Truncate(p, 1<<40)) },
	} {
		dir := root(t, "", "")
		file := filepath.Join(dir, "etc/passwd")
		if err := errors.Join(os.Remove(file), place(file)); err != nil {
			t.Fatal(kind, err)
		}
		if _, err := saferoot.ReadFile(dir, "/etc/passwd"); !errors.Is(err, mctr.ErrInvalid) ||
			errors.Is(err, unix.ENXIO) {
			t.Errorf("%s is read: %v", kind, err)
		}
		if _, err := saferoot.LookupUser(dir, "root", nil); !errors.Is(err, mctr.ErrInvalid) ||
			errors.Is(err, unix.ENXIO) {
			t.Errorf("a user is looked up in %s: %v", kind, err)
		}
	}
}

// TestOpenOpensNothing: Open returns a descriptor that only identifies a file, and refuses flags
// that ask for more.
func TestOpenOpensNothing(t *testing.T) {
	dir := root(t, "text", "")
	for _, flags := range []int{0, unix.O_NOFOLLOW} {
		node, err := saferoot.Open(dir, "etc/passwd", flags)
		if err != nil {
			t.Fatal(err)
		}
		got, err := unix.FcntlInt(node.Fd(), unix.F_GETFL, 0)
		if err != nil || got&unix.O_PATH == 0 {
			t.Errorf("flags %#x: opened with %#x, %v", flags, got, err)
		}
		if err := node.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, flags := range []int{unix.O_RDWR, unix.O_NONBLOCK, unix.O_CREAT} {
		if node, err := saferoot.Open(dir, "etc/passwd", flags); err == nil {
			t.Errorf("flags %#x are taken", flags)
			_ = node.Close()
		}
	}
}

func TestStaysInRoot(t *testing.T) {
	dir := root(t, "inside", "")
	for _, link := range []string{"../../../../../../etc/passwd", "/etc/passwd", "/proc/self/root/etc/passwd"} {
		name := filepath.Join(dir, "link")
		if err := os.Symlink(link, name); err != nil {
			t.Fatal(err)
		}
		if data, err := saferoot.ReadFile(dir, "link"); err == nil && string(data) != "inside" {
			t.Errorf("%s leads out: %q", link, data)
		}
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}
