package usage

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cgroup"
)

// group makes a control group with the limit in the pids controller.
func group(t *testing.T, name, limit string) {
	t.Helper()
	if cgroup.Unified() {
		if err := os.WriteFile(filepath.Join(cgroup.Mountpoint, "cgroup.subtree_control"), []byte("+pids"),
			0); err != nil {
			t.Fatal(err)
		}
	}
	dir := cgroup.Dir("pids", name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { remove(t, name) })
	if err := os.WriteFile(filepath.Join(dir, "pids.max"), []byte(limit), 0); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, name string) {
	t.Helper()
	if err := cgroup.Remove(name); err != nil {
		t.Error(err)
	}
}

// descriptors returns this process's open files of the group.
func descriptors(t *testing.T, name string) (open []string) {
	t.Helper()
	links, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		if path, err := os.Readlink(link); err == nil && strings.Contains(path, name) {
			open = append(open, filepath.Base(path))
		}
	}
	slices.Sort(open)
	return open
}

func limitOf(m *Meter, name string) uint64 {
	u := mctr.Usage{}
	m.Pids(name, &u)
	return u.PidsLimit
}

func wantOpen(t *testing.T, name, when string, want int) {
	t.Helper()
	if open := descriptors(t, name); len(open) != want {
		t.Errorf("%s: %v are open, want %d", when, open, want)
	}
}

// TestMeterKeeps: files are opened once, read again, and closed when they are dropped.
func TestMeterKeeps(t *testing.T) {
	name, m := "mctr-metertest-"+mctr.NewID().Short(), newMeter(1<<20)
	group(t, name, "11")
	for range 3 {
		if n := limitOf(m, name); n != 11 {
			t.Errorf("limit %d, want 11", n)
		}
		wantOpen(t, name, "read", 2)
	}
	group(t, name, "12")
	if n := limitOf(m, name); n != 12 {
		t.Errorf("limit %d, want the new one, 12", n)
	}
	m.Drop(name)
	m.Drop(name)
	wantOpen(t, name, "dropped", 0)
	if len(m.groups) != 0 {
		t.Errorf("groups %v are left", m.groups)
	}
}

// TestMeterNeverMistakes removes a group and makes another one with its name.
func TestMeterNeverMistakes(t *testing.T) {
	name, m := "mctr-metertest-"+mctr.NewID().Short(), newMeter(1<<20)
	group(t, name, "11")
	network := func() []mctr.NetworkUsage {
		return m.Network(name, func() (int, error) {
			return unix.Open("/proc/self/net/dev", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		})
	}
	if limitOf(m, name) != 11 || len(network()) == 0 {
		t.Error("nothing read")
	}
	remove(t, name)
	if n := limitOf(m, name); n != 0 {
		t.Errorf("limit %d of a removed group", n)
	}
	group(t, name, "13")
	none := func() (int, error) { return -1, unix.ENOENT }
	if list := m.Network(name, none); list != nil {
		t.Errorf("interfaces %v of the removed group", list)
	}
	if n := limitOf(m, name); n != 13 {
		t.Errorf("limit %d, want the new group's, 13", n)
	}
	m.Drop(name)
}

// TestMeterRoom: without free descriptors, files are read but not kept open.
func TestMeterRoom(t *testing.T) {
	name := "mctr-metertest-" + mctr.NewID().Short()
	group(t, name, "14")
	for when, m := range map[string]*Meter{"no room": newMeter(0), "no meter": nil} {
		if n := limitOf(m, name); n != 14 {
			t.Errorf("%s: limit %d", when, n)
		}
		if n := limitOf(m, name+"-none"); n != 0 {
			t.Errorf("%s: a missing group has limit %d", when, n)
		}
		wantOpen(t, name, when, 0)
		m.Drop(name)
	}
}

// TestMeterSweeps: files of removed or idle groups are closed without a Drop.
func TestMeterSweeps(t *testing.T) {
	gone, lazy, asked := "mctr-metertest-"+mctr.NewID().Short(), "mctr-metertest-"+mctr.NewID().Short(),
		"mctr-metertest-"+mctr.NewID().Short()
	m := newMeter(1 << 20)
	for _, name := range []string{gone, lazy, asked} {
		group(t, name, "15")
		limitOf(m, name)
	}
	remove(t, gone)
	m.groups[lazy].asked = time.Now().Add(-idle - time.Second)
	m.sweep()
	for name, open := range map[string]int{gone: 0, lazy: 0, asked: 2} {
		wantOpen(t, name, "swept", open)
	}
	m.Drop(asked)
	m.sweep()
	if m.sweeper != nil {
		t.Error("it sweeps on, and nothing is kept")
	}
}

// TestMeterConcurrently reads while other goroutines drop.
func TestMeterConcurrently(t *testing.T) {
	name, m := "mctr-metertest-"+mctr.NewID().Short(), newMeter(1<<20)
	group(t, name, "16")
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for range 200 {
				if n := limitOf(m, name); n != 16 {
					t.Errorf("limit %d", n)
				}
				if i == 0 {
					m.Drop(name)
				}
			}
		})
	}
	all.Wait()
	m.Drop(name)
	wantOpen(t, name, "dropped", 0)
}
