package dirs_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/mctr/mctr/internal/dirs"
)

// TestModes makes directories under a strict umask, and checks that existing ones are unchanged.
func TestModes(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	top := t.TempDir()
	theirs := filepath.Join(top, "theirs")
	if err := errors.Join(os.Mkdir(theirs, 0o700), dirs.MakeAll(filepath.Join(theirs, "a/b"), 0o755),
		dirs.MakeAll(theirs, 0o755)); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]fs.FileMode{"theirs": 0o700, "theirs/a": 0o755, "theirs/a/b": 0o755} {
		info, err := os.Stat(filepath.Join(top, path))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v; want %v", path, info.Mode(), err, want)
		}
	}
	if err := dirs.Make(theirs, 0o755); !errors.Is(err, fs.ErrExist) {
		t.Errorf("one that exists: %v", err)
	}
	file := filepath.Join(top, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, file + "/below"} {
		if err := dirs.MakeAll(path, 0o755); !errors.Is(err, syscall.ENOTDIR) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
