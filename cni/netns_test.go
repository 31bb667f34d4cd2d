package cni_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
)

// TestPinLeavesTheProcess pins more namespaces than there are threads, and checks that every thread
// of this process stays in its namespace.
func TestPinLeavesTheProcess(t *testing.T) {
	h := newHost(t)
	h.clean()
	where := func() map[string]int {
		found := map[string]int{}
		tasks, _ := os.ReadDir("/proc/self/task")
		for _, task := range tasks {
			if ns, err := os.Readlink("/proc/self/task/" + task.Name() + "/ns/net"); err == nil {
				found[ns]++
			}
		}
		return found
	}
	each(32, func(i int) {
		id := mctr.ContainerID(fmt.Sprintf("box%d", i))
		path, err := h.Pin(id)
		if err != nil {
			t.Error(err)
		}
		if again, err := h.Pin(id); again != path || err != nil {
			t.Errorf("again: %s %v", again, err)
		}
	})
	h.until(func() bool { return len(where()) == 1 })
	each(32, func(i int) {
		if err := h.Unpin(mctr.ContainerID(fmt.Sprintf("box%d", i))); err != nil {
			t.Error(err)
		}
	})
}

// TestUnpinUnderACopy unpins a namespace while another process has a recursive bind mount of the
// tree, as containers on the host's filesystem have.
func TestUnpinUnderACopy(t *testing.T) {
	h := newHost(t)
	path, err := h.Pin("box")
	if err != nil {
		t.Fatal(err)
	}
	copied := t.TempDir()
	if err := unix.Mount(h.state, copied, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Unmount(copied, unix.MNT_DETACH) }()
	if err := h.Unpin("box"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is still there (%v)", path, err)
	}
}
