package tree

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// few limits this process to that many more descriptors than it has now.
func few(t *testing.T, n uint64) {
	t.Helper()
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	have, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(len(have)) + n, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
			t.Error(err)
		}
	})
}

// deep makes nested directories below dir, each with files beside the next one.
func deep(t *testing.T, dir string, levels, files int) {
	t.Helper()
	at, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	for range levels {
		if err != nil {
			t.Fatal(err)
		}
		for n := range files {
			if err := unix.Mknodat(at, fmt.Sprintf("%c", 'a'+n%2*25+n/2), unix.S_IFREG|0o600, 0); err != nil {
				t.Fatal(err)
			}
		}
		if err := unix.Mkdirat(at, "dddd", 0o700); err != nil {
			t.Fatal(err)
		}
		var next int
		next, err = unix.Openat(at, "dddd", unix.O_RDONLY|unix.O_DIRECTORY, 0)
		_ = unix.Close(at)
		at = next
	}
	_ = unix.Close(at)
}

// count walks dir, into every directory.
func count(dir string, batch int, seen func(Place)) (n int, err error) {
	root, err := os.Open(dir)
	if err != nil {
		return 0, err
	}
	defer root.Close()
	err = walk(context.Background(), &stack{batch: batch}, root, func(p Place) (*os.File, error) {
		n++
		seen(p)
		into, err := Open(p.Dir, p.Name)
		if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
			return nil, nil
		}
		return into, err
	})
	return n, err
}

// TestDeep: the number of descriptors depends neither on the depth of a tree nor on the files
// beside its directories, and each name is visited once.
func TestDeep(t *testing.T) {
	const levels = 8000
	dir := filepath.Join(t.TempDir(), "top")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	deep(t, dir, levels, 2)
	few(t, mostOpen+16)
	deepest, longest := 0, 0
	n, err := count(dir, batch, func(p Place) {
		if d := p.Depth(); d > deepest {
			deepest, longest = d, len(p.Path())
		}
	})
	if err != nil || n != 3*levels || deepest != levels-1 || longest != 5*(levels-1)+1 {
		t.Errorf("%d names, the deepest at %d, its path of %d bytes: %v", n, deepest, longest, err)
	}
	if err := Remove(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it stays: %v", err)
	}
	if err := Remove(dir); err != nil {
		t.Errorf("a missing file: %v", err)
	}
}

// TestLarge: directories of several batches are read to their end.
func TestLarge(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "top")
	at := dir
	const levels, files = 2 * mostOpen, 20
	for range levels {
		at = filepath.Join(at, "m")
		if err := os.MkdirAll(at, 0o700); err != nil {
			t.Fatal(err)
		}
		for n := range files {
			if err := unix.Mknod(fmt.Sprintf("%s/%d", at, n), unix.S_IFREG|0o600, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	few(t, mostOpen+mostLarge)
	if n, err := count(dir, 8, func(Place) {}); err != nil || n != levels*(files+1) {
		t.Errorf("%d names, want %d: %v", n, levels*(files+1), err)
	}
	if err := Remove(dir); err != nil {
		t.Error(err)
	}
}

// TestMoved: a directory that is moved away during the walk does not redirect the walk.
func TestMoved(t *testing.T) {
	base := t.TempDir()
	dir, outside := filepath.Join(base, "top"), filepath.Join(base, "outside")
	if err := errors.Join(os.Mkdir(dir, 0o700), os.MkdirAll(filepath.Join(outside, "secret"), 0o700)); err != nil {
		t.Fatal(err)
	}
	deep(t, dir, 3*mostOpen, 2)
	if err := os.Mkdir(filepath.Join(dir, "zz"), 0o700); err != nil {
		t.Fatal(err)
	}
	var names []string
	_, err := count(dir, batch, func(p Place) {
		if names = append(names, p.Path()); p.Depth() == 2*mostOpen && p.Name == "a" {
			if err := os.Rename(filepath.Join(dir, "dddd/dddd/dddd"), filepath.Join(outside, "moved")); err != nil {
				t.Error(err)
			}
		}
	})
	if !errors.Is(err, ErrMoved) ||
		slices.ContainsFunc(names, func(n string) bool { return strings.Contains(n, "secret") }) ||
		!slices.Contains(names, "zz") {
		t.Errorf("%v; names: %.300q", err, names[max(0, len(names)-5):])
	}
}

// TestRemoveStays: what cannot be removed is named in a short form, the rest is removed, and mounts
// are not entered.
func TestRemoveStays(t *testing.T) {
	base := t.TempDir()
	dir, other := filepath.Join(base, "top"), filepath.Join(base, "other")
	long := filepath.Join(dir, strings.Repeat("l", 200), strings.Repeat("m", 200))
	mounted := filepath.Join(dir, "mounted")
	if err := errors.Join(os.MkdirAll(long, 0o700), os.MkdirAll(mounted, 0o700), os.Mkdir(other, 0o700),
		os.WriteFile(filepath.Join(other, "precious"), nil, 0o600),
		os.Symlink(other, filepath.Join(dir, "link"))); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(other, mounted, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Unmount(mounted, 0) }()
	target := filepath.Join(long, "mountpoint")
	if err := os.WriteFile(target, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(target, target, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	err := Remove(dir)
	if !errors.Is(err, unix.EBUSY) || len(err.Error()) > 2*longest || !strings.Contains(err.Error(), "more could not") {
		t.Errorf("a mount: %v", err)
	}
	if _, err := os.Lstat(filepath.Join(other, "precious")); err != nil {
		t.Errorf("what was mounted there: %v", err)
	}
	if err := errors.Join(unix.Unmount(target, 0), unix.Unmount(mounted, 0), Remove(dir)); err != nil {
		t.Error(err)
	}
}
