//go:build cgo && seccomp

package bpfcache

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/runc/libcontainer/configs"
	"golang.org/x/sys/unix"
)

// Open runs this test's executable as the compiler.
func init() {
	if len(os.Args) > 1 && os.Args[1] == Argument {
		Compile()
	}
}

func denying(name string) *configs.Seccomp {
	return &configs.Seccomp{
		DefaultAction: configs.Allow, Architectures: []string{"amd64"},
		Syscalls: []*configs.Syscall{{Name: name, Action: configs.Errno}},
	}
}

// TestNothingFromAContainer wants a sealed program for every process of a container, including the
// first one. A task that can write to init's files must be unable to change the cache or the
// program of another container.
func TestNothingFromAContainer(t *testing.T) {
	dir := t.TempDir()
	var first []byte
	for _, when := range []string{"compiled", "kept", "damaged"} {
		f, err := Open(dir, denying("mkdir"))
		if err != nil || f == nil {
			t.Fatalf("%s: %v, %v", when, f, err)
		}
		if seals, err := unix.FcntlInt(f.Fd(), unix.F_GET_SEALS, 0); err != nil || seals != sealed {
			t.Errorf("%s: seals %#x, want %#x: %v", when, seals, sealed, err)
		}
		program, err := readMemfd(int(f.Fd()))
		if first == nil {
			first = program
		}
		if err != nil || !bytes.Equal(program, first) {
			t.Errorf("%s: a program of %d bytes, want %d: %v", when, len(program), len(first), err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		files, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil || len(files) != 1 {
			t.Fatalf("%s: the cache holds %q, %v", when, files, err)
		}
		if when == "kept" {
			if err := os.WriteFile(files[0], []byte("not what was stored"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestProfileThatDoesNotCompile wants Open to leave the error to init.
func TestProfileThatDoesNotCompile(t *testing.T) {
	profile := denying("mkdir")
	profile.Architectures = []string{"pdp11"}
	if f, err := Open(t.TempDir(), profile); f != nil || err != nil {
		t.Errorf("got %v, %v", f, err)
	}
}
