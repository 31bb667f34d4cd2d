package treemount_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/leakcheck"
	"github.com/mctr/mctr/internal/treemount"
)

func TestBind(t *testing.T) {
	dir := t.TempDir()
	set := leakcheck.Snapshot(t,
		leakcheck.Scope{Names: []string{dir},
			Kinds: []leakcheck.Kind{leakcheck.Mount, leakcheck.Process, leakcheck.File}})
	root, target := filepath.Join(dir, "root"), filepath.Join(dir, "target")
	for _, d := range []string{root + "/real/sub", dir + "/outside"} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"inside": "/real", "out": dir + "/outside", "up": "../../../.."} {
		if err := os.Symlink(to, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(root+"/real/sub/f", []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, file := range map[string]string{"real": "sub/f", "inside/sub": "f", "up": "real/sub/f",
		"../../real": "sub/f", ".": "real/sub/f"} {
		if err := treemount.Bind(root, path, target); err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if _, err := os.Stat(filepath.Join(target, file)); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		for range 2 {
			if err := treemount.Unbind(target); err != nil {
				t.Error(err)
			}
		}
	}
	for _, path := range []string{"out", "real/sub/f", "nosuch"} {
		if err := treemount.Bind(root, path, target); err == nil {
			t.Errorf("%s was mounted", path)
		}
	}
	if _, err := os.Lstat(target); err == nil {
		t.Error("the target is left")
	}
	set.Check()
}

// TestBindFrom: the namespace of this process, which /proc/self shows by the first thread, stays
// the same while trees of another process are mounted, because the first thread cannot end.
func TestBindFrom(t *testing.T) {
	dir := t.TempDir()
	other := exec.Command("sleep", "1000")
	other.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Process.Kill(); _ = other.Wait() }()
	before, err := os.Readlink("/proc/self/ns/mnt")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			target := filepath.Join(dir, strconv.Itoa(i))
			if err := treemount.BindFrom(other.Process.Pid, dir, target); err != nil {
				t.Error(err)
			}
			if err := treemount.Unbind(target); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if now, err := os.Readlink("/proc/self/ns/mnt"); err != nil || now != before {
		t.Errorf("this process is in %s, %v; it was in %s", now, err, before)
	}
}
