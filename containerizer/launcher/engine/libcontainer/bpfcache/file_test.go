package bpfcache

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestLoadGivesWhatWasStored(t *testing.T) {
	path := filepath.Join(t.TempDir(), "engine", "key")
	if _, err := load(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before it was stored: %v", err)
	}
	want := bytes.Repeat([]byte{1, 2, 3, 4}, 2*4096)
	if err := store(path, want); err != nil {
		t.Fatal(err)
	}
	if got, err := load(path); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestDamagedIsMissing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if err := store(path, []byte("12345678")); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"empty": nil, "cut": whole[:20], "a sum alone": whole[:32], "shorter": whole[:len(whole)-1],
		"another byte": append(whole[:len(whole)-1:len(whole)-1], 'x'), "huge": append(whole, make([]byte, maxProgram)...),
	} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := load(path); !errors.Is(err, errDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDirectoryIsBounded(t *testing.T) {
	dir := t.TempDir()
	for i := range 3 * maxFiles {
		if err := store(filepath.Join(dir, fmt.Sprint(i)), []byte("12345678")); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) == 0 || len(entries) > maxFiles {
		t.Errorf("%d files, %v", len(entries), err)
	}
}

// TestHandover wants init to find its memfd among other descriptors, and the
// parent to keep a program that is whole and no other.
func TestHandover(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if find() >= 0 {
		t.Fatal("there is one before it was offered")
	}
	h, err := offer(nil, path)
	if err != nil {
		t.Fatal(err)
	}
	if fd := find(); fd != int(h.File.Fd()) {
		t.Errorf("found %d, want %d", fd, h.File.Fd())
	}
	if _, err := h.File.WriteString("half a progr"); err != nil {
		t.Fatal(err)
	}
	h.Keep()
	if _, err := load(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what init did not seal was kept: %v", err)
	}
	if h, err = offer([]byte("12345678"), path); err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if _, err := h.File.WriteString("more"); err == nil {
		t.Error("a program that was handed over can be changed")
	}
	if got, err := received(int(h.File.Fd())); err != nil || string(got) != "12345678" {
		t.Errorf("received %q, %v", got, err)
	}
}
