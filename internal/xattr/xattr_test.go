package xattr

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestHidden reads an attribute that overlayfs counts but does not show: the mark of a directory
// that a layer replaced.
func TestHidden(t *testing.T) {
	dir := overlay(t)
	if names, err := Names(dir); err != nil || len(names) != 0 {
		t.Errorf("Names: %q, %v", names, err)
	}
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if names, err := NamesOf(f); err != nil || len(names) != 0 {
		t.Errorf("NamesOf: %q, %v", names, err)
	}
	if _, err := Value(dir, ""); err == nil {
		t.Error("an attribute without name was read")
	}
}

// overlay returns a directory of an overlay that its upper layer replaced.
func overlay(t *testing.T) string {
	t.Helper()
	base := t.TempDir()
	for _, name := range []string{"lower/d", "upper/d", "work", "merged"} {
		if err := os.MkdirAll(filepath.Join(base, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Setxattr(filepath.Join(base, "upper/d"), "trusted.overlay.opaque", []byte("y"), 0); err != nil {
		t.Fatal(err)
	}
	merged := filepath.Join(base, "merged")
	data := fmt.Sprintf("lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work", base, base, base)
	if err := unix.Mount("xattr", merged, "overlay", 0, data); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(merged, 0); err != nil {
			t.Error(err)
		}
	})
	return filepath.Join(merged, "d")
}

// TestLarge reads a value and a list that exceed the usual size.
func TestLarge(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	want := bytes.Repeat([]byte("v"), 2*usual)
	for i := range 40 {
		name := fmt.Sprintf("user.a-name-of-some-length-%d", i)
		value := []byte("v")
		if i == 0 {
			value = want
		}
		if err := unix.Setxattr(path, name, value, 0); err != nil {
			t.Fatal(err)
		}
	}
	if names, err := Names(path); err != nil || len(names) != 40 {
		t.Errorf("%d names, %v", len(names), err)
	}
	if value, err := Value(path, "user.a-name-of-some-length-0"); err != nil || !bytes.Equal(value, want) {
		t.Errorf("%d bytes, %v", len(value), err)
	}
}

// TestCalls: a size that grows with every call causes two calls.
func TestCalls(t *testing.T) {
	calls := 0
	_, err := read(func([]byte) (int, error) { calls++; return 0, unix.ERANGE })
	if err == nil || calls != 2 {
		t.Errorf("%d calls, %v", calls, err)
	}
}
