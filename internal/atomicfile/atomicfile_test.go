package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestReadsRegularFilesOnly: a pipe, a device or a directory in place of a file is an error, and is
// neither waited for nor read endlessly.
func TestReadsRegularFilesOnly(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(os.WriteFile(at("file"), []byte("{}"), 0o600), os.Symlink("file", at("link")),
		unix.Mkfifo(at("pipe"), 0o600), os.Symlink("/dev/zero", at("device")),
		os.Mkdir(at("directory"), 0o700)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"file", "link"} {
		if err := ReadJSON(at(name), &struct{}{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"pipe", "device", "directory"} {
		if err := ReadJSON(at(name), &struct{}{}); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := ReadJSON(at("nosuch"), &struct{}{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nosuch: %v", err)
	}
}

// TestTempOf: TempOf returns the target's name for a temporary file made as replace makes it.
func TestTempOf(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), TempPrefix+"a-b.json-")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for name, want := range map[string]string{f.Name(): "a-b.json", "a-b.json": "", ".tmp-a": "", "": ""} {
		if got := TempOf(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
