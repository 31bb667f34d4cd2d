package treemount_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/leakcheck"
	"github.com/mctr/mctr/internal/treemount"
)

// TestGraft mounts trees where links lead, within the root, and makes missing mount points there;
// nothing is made or visible outside the root.
func TestGraft(t *testing.T) {
	dir := t.TempDir()
	set := leakcheck.Snapshot(t,
		leakcheck.Scope{Names: []string{dir},
			Kinds: []leakcheck.Kind{leakcheck.Mount, leakcheck.Process, leakcheck.File}})
	for _, d := range []string{"root/real", "source/sub", "outside"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.WriteFile(dir+"/source/f", []byte("text"), 0o600),
		os.Symlink(dir+"/outside", dir+"/root/out"), os.Symlink("real", dir+"/root/link"),
		os.Symlink(dir+"/outside", dir+"/source/away")); err != nil {
		t.Fatal(err)
	}
	onOwnThread(func() {
		if err := errors.Join(unix.Unshare(unix.CLONE_NEWNS),
			unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")); err != nil {
			t.Error(err)
			return
		}
		graft(t, dir)
	})
	if entries, err := os.ReadDir(dir + "/outside"); err != nil || len(entries) > 0 {
		t.Errorf("outside: %v, %v", entries, err)
	}
	set.Check()
}

// onOwnThread runs f on a thread that ends with f, so that the mounts that f makes in its namespace
// disappear too. It avoids the first thread of the process, which does not end.
func onOwnThread(f func()) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			defer runtime.UnlockOSThread()
			onOwnThread(f)
			return
		}
		f()
	}()
	<-ended
}

func graft(t *testing.T, dir string) {
	root, err := os.OpenFile(dir+"/root", unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		t.Error(err)
		return
	}
	defer root.Close()
	for _, c := range []struct {
		path, target, file string
		readOnly           bool
	}{
		{".", "/link/new/deep", "real/new/deep/f", false},
		{"f", "real/file", "real/file", true},
		{"../source", "real/up", "", false}, // .. of the root is the root
		{"away", "real/away", "", false},
		{"sub", "out/x", "", false},
	} {
		err := treemount.Graft(root, c.target,
			treemount.Tree{Root: dir + "/source", Path: c.path, ReadOnly: c.readOnly})
		if (err == nil) != (c.file != "") {
			t.Errorf("%s at %s: %v", c.path, c.target, err)
		}
		if c.file == "" {
			continue
		}
		if text, err := os.ReadFile(filepath.Join(dir, "root", c.file)); err != nil || string(text) != "text" {
			t.Errorf("%s at %s: %q, %v", c.path, c.target, text, err)
		}
		if err := os.WriteFile(filepath.Join(dir, "root", c.file), []byte("text"),
			0o600); errors.Is(err, unix.EROFS) != c.readOnly {
			t.Errorf("write to %s: %v", c.target, err)
		}
	}
}
