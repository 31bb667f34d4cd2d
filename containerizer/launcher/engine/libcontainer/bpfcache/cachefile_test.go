package bpfcache

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
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
		"another byte": append(whole[:len(whole)-1:len(whole)-1], 'x'),
		"huge":         append(whole, make([]byte, maxProgram)...),
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

// TestHandover wants init to find its memfd among other descriptors, complete and sealed, and to
// ignore a memfd that another process can still write to.
func TestHandover(t *testing.T) {
	if fd, _ := findMemfd(); fd >= 0 {
		t.Fatal("there is one before it was handed over")
	}
	writable, err := unix.MemfdCreate("writable", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(writable)
	if _, err := unix.Write(writable, []byte(magic+"87654321")); err != nil {
		t.Fatal(err)
	}
	f, err := sealedMemfd([]byte("12345678"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if fd, program := findMemfd(); fd != int(f.Fd()) || string(program) != "12345678" {
		t.Errorf("found %q at %d, want it at %d", program, fd, f.Fd())
	}
	if _, err := f.WriteString("more"); err == nil {
		t.Error("a program that was handed over can be changed")
	}
}
