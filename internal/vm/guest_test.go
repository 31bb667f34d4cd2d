//go:build vm

package vm

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestPureCgroup2 fails if a controller is missing or not enabled for groups, or if version 1 is
// mounted too.
func TestPureCgroup2(t *testing.T) {
	var fs unix.Statfs_t
	if err := unix.Statfs("/sys/fs/cgroup", &fs); err != nil || fs.Type != unix.CGROUP2_SUPER_MAGIC {
		t.Fatalf("/sys/fs/cgroup is not cgroup v2: type %#x, %v", fs.Type, err)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(mounts, []byte(" - cgroup ")) {
		t.Error("a hierarchy of version 1 is mounted")
	}
	for file, controllers := range map[string][]string{
		"cgroup.controllers":     {"cpu", "cpuset", "io", "memory", "pids", "hugetlb"},
		"cgroup.subtree_control": {"cpu", "cpuset", "io", "memory", "pids"}, // all that systemd enables
	} {
		got, err := os.ReadFile("/sys/fs/cgroup/" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range controllers {
			if !slices.Contains(strings.Fields(string(got)), want) {
				t.Errorf("%s lacks %s: %s", file, want, got)
			}
		}
	}
}

// TestKill uses a feature that only version 2 has.
func TestKill(t *testing.T) {
	group := filepath.Join("/sys/fs/cgroup", "mctr-vm-test")
	if err := os.Mkdir(group, 0o755); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(group)
	process, err := os.StartProcess("/bin/sleep", []string{"sleep", "1000"}, &os.ProcAttr{})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(group+"/cgroup.procs", strconv.AppendInt(nil, int64(process.Pid), 10), 0); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(group+"/cgroup.kill", []byte("1"), 0); err != nil {
		t.Error(err)
		_ = process.Kill()
	}
	state, err := process.Wait()
	if err != nil || state.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("%v, %v", state, err)
	}
}

// TestDisk: the disk that tests may format exists and is empty.
func TestDisk(t *testing.T) {
	f, err := os.Open(os.Getenv("MCTR_TEST_DISK"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	head := make([]byte, 4096)
	if n, err := f.Read(head); n != len(head) || err != nil || bytes.Trim(head, "\x00") != nil {
		t.Errorf("read %d bytes, %v, not all zero", n, err)
	}
}
