package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// dig creates nested directories below dir one by one, as a task could do.
func dig(t *testing.T, dir string, levels int) {
	t.Helper()
	at, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	for range levels {
		if err == nil {
			err = unix.Mkdirat(at, "dddd", 0o755)
		}
		var next int
		if err == nil {
			next, err = unix.Openat(at, "dddd", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		}
		if err != nil {
			t.Fatal(err)
		}
		_ = unix.Close(at)
		at = next
	}
	_ = unix.Close(at)
}

// written returns the directory with the files of the only container.
func (h *host) written() string {
	h.t.Helper()
	all := entries(filepath.Join(h.root, "containers"))
	if len(all) != 1 {
		h.t.Fatalf("containers: %q", all)
	}
	return filepath.Join(all[0], "rw", "upper")
}

// TestDeepDirectories checks that directories that are nested deeper than a process can have open files
// are counted and removed, in a short time.
func TestDeepDirectories(t *testing.T) {
	h := newHost(t)
	h.want(0, "run", "-q", "--name", "deep", h.image, "mkdir", "/d")
	dig(t, filepath.Join(h.written(), "d"), 21000)
	begun := time.Now()
	h.want(0, "ps", "-a", "--size")
	h.want(0, "system", "df")
	if r := h.mctr("cp", "deep:/d", t.TempDir()); r.code == 0 || len(r.stderr) > 2000 {
		t.Errorf("a copy of paths longer than the kernel takes: %d, %d bytes of error", r.code, len(r.stderr))
	}
	h.want(0, "rm", "deep")
	if took := time.Since(begun); took > time.Minute {
		t.Errorf("it took %v", took)
	}
	cmd, _ := h.ready("run", "-q", "--rm", "--name", "deep", h.image, "sh", "-c",
		"mkdir /d; echo ready; while [ ! -e /go ]; do sleep 0.05; done")
	dig(t, filepath.Join(h.written(), "d"), 21000)
	h.want(0, "exec", "deep", "touch", "/go")
	h.waitCode(cmd, 0)
	h.wantClean()
}

// TestNotRemoved checks that a run reports that its container cannot be removed.
func TestNotRemoved(t *testing.T) {
	h := newHost(t)
	cmd, out := h.ready("run", "--rm", "-q", "--name", "stuck", h.image, "sh", "-c",
		"echo ready; while [ ! -e /go ]; do sleep 0.05; done")
	busy := filepath.Join(h.written(), "busy")
	if err := os.Mkdir(busy, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(busy, busy, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	h.want(0, "exec", "stuck", "touch", "/go")
	h.waitCode(cmd, 125)
	if !strings.Contains(out.String(), "could not be removed") || !strings.Contains(out.String(), "mounted there") {
		t.Errorf("output: %s", out)
	}
	if err := unix.Unmount(busy, 0); err != nil {
		t.Error(err)
	}
	h.want(0, "rm", "stuck")
	h.wantClean()
}
