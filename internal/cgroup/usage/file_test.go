package usage

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
)

// in returns files for a test directory.
func in(t *testing.T, content map[string]string) *files {
	t.Helper()
	dir := t.TempDir()
	for name, text := range content {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return &files{dir: dir + "/", buffer: make([]byte, 16)}
}

func TestRead(t *testing.T) {
	long := bytes.Repeat([]byte("0123456789"), 1000)
	f := in(t, map[string]string{"long": string(long), "sixteen": "0123456789abcdef", "max": "max\n", "number": "42\n"})
	for name, want := range map[string]string{"long": string(long), "sixteen": "0123456789abcdef", "none": ""} {
		if got := f.read(name); string(got) != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if n, ok := f.number("number"); n != 42 || !ok {
		t.Errorf("number: %d, %t", n, ok)
	}
	for _, none := range []string{"max", "none"} {
		if n, ok := f.number(none); n != 0 || ok {
			t.Errorf("%s: %d, %t", none, n, ok)
		}
	}
	if got := (&files{}).read("number"); got != nil {
		t.Errorf("without a controller: %q", got)
	}
}

// TestMemoryVersions reads the files of both versions; a host has only one of them.
func TestMemoryVersions(t *testing.T) {
	kernel := uint64(5)
	want := mctr.Usage{
		MemoryBytes: 60, MemoryPeak: 90, MemoryLimit: 1000, OOMKills: 2,
		MemoryAnon: 10, MemoryCache: 70, MemoryShmem: 7, MemoryKernel: &kernel,
	}
	v2, v1 := mctr.Usage{}, mctr.Usage{}
	memory(in(t, map[string]string{
		"memory.stat":   "anon 10\nfile 70\nkernel 5\nshmem 7\ninactive_file 20\nactive_file 1\n",
		"memory.events": "low 0\nhigh 0\nmax 3\noom 4\noom_kill 2\noom_group_kill 9\n", "memory.current": "80\n",
		"memory.max": "1000\n", "memory.peak": "90\n",
		"memory.pressure": "some avg10=0.00 total=3\nfull avg10=0.00 total=1\n",
	}), &v2)
	memory1(in(t, map[string]string{
		"memory.stat": "rss 1\ncache 2\nshmem 3\ntotal_rss 10\ntotal_cache 70\ntotal_shmem 7\n" +
			"total_inactive_file 20\nhierarchical_memory_limit 1000\n",
		"memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n", "memory.usage_in_bytes": "80\n",
		"memory.max_usage_in_bytes":  "90\n",
		"memory.kmem.usage_in_bytes": "5\n",
	}), &v1)
	if diff := cmp.Diff(want, v1); diff != "" {
		t.Error("v1: ", diff)
	}
	want.MemoryPressure = &mctr.Pressure{Some: mctr.Stall{TotalNanos: 3000}, Full: &mctr.Stall{TotalNanos: 1000}}
	if diff := cmp.Diff(want, v2); diff != "" {
		t.Error("v2: ", diff)
	}
	none := mctr.Usage{}
	memory(in(t, nil), &none)
	memory1(in(t,
		map[string]string{"memory.stat": "hierarchical_memory_limit 9223372036854771712\n",
			"memory.usage_in_bytes": "1\n"}), &none)
	if diff := cmp.Diff(mctr.Usage{MemoryBytes: 1}, none); diff != "" {
		t.Error("without limit and what may be missing: ", diff)
	}
}

// TestGone: a group that does not exist has no figures.
func TestGone(t *testing.T) {
	u, m := mctr.Usage{}, newMeter(1<<20)
	for _, read := range []func(string, *mctr.Usage){m.CPU, m.Memory, m.Pids, m.IO} {
		read("mctr-usagetest-none", &u)
	}
	u.Time = mctr.Usage{}.Time
	if diff := cmp.Diff(mctr.Usage{}, u); diff != "" {
		t.Error(diff)
	}
	if list := m.Network("mctr-usagetest-none", func() (int, error) { return -1, unix.ENOENT }); list != nil {
		t.Errorf("interfaces of no process: %v", list)
	}
}
