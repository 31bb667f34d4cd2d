package memory_test

import (
	"os"
	"strings"
	"testing"

	"github.com/opencontainers/cgroups"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/internal/cgroup/usage"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/isolators/cgroups/memory"
	"github.com/mctr/mctr/isolators/isolatortest"
)

func newIsolator() isolators.Isolator { return memory.New(usage.NewMeter()) }

func config(m mctr.Memory) mctr.ContainerConfig {
	return mctr.ContainerConfig{Resources: mctr.Resources{Memory: m}}
}

func p[T any](v T) *T { return &v }

func TestConformance(t *testing.T) {
	c := config(mctr.Memory{Limit: p[int64](64 << 20)})
	isolatortest.Run(t, newIsolator, &c)
}

func TestCheck(t *testing.T) {
	const m = int64(1 << 20)
	isolatortest.Refuses(t, newIsolator(), []isolatortest.Refusal{
		{Config: config(mctr.Memory{Limit: p(6*m - 1)}), Is: mctr.ErrInvalid, Field: "resources.memory.limit 6291455"},
		{Config: config(mctr.Memory{Limit: p[int64](0)}), Is: mctr.ErrInvalid, Field: "resources.memory.limit 0"},
		{Config: config(mctr.Memory{Limit: p[int64](-2)}), Is: mctr.ErrInvalid, Field: "resources.memory.limit -2"},
		{Config: config(mctr.Memory{High: p(m)}), Is: mctr.ErrInvalid, Field: "resources.memory.high"},
		{Config: config(mctr.Memory{Swap: p(64 * m)}), Is: mctr.ErrInvalid, Field: "resources.memory.swap"},
		{Config: config(mctr.Memory{Limit: p(64 * m), Swap: p(63 * m)}), Is: mctr.ErrInvalid,
			Field: "resources.memory.swap"},
		{Config: config(mctr.Memory{Limit: p[int64](-1), Swap: p(63 * m)}), Is: mctr.ErrInvalid,
			Field: "resources.memory.swap"},
		{Config: config(mctr.Memory{Limit: p(64 * m), Reservation: p(65 * m)}), Is: mctr.ErrInvalid,
			Field: "resources.memory.reservation"},
		{Config: config(mctr.Memory{Reservation: p[int64](-2)}), Is: mctr.ErrInvalid,
			Field: "resources.memory.reservation"},
		{Config: config(mctr.Memory{Swappiness: p[int64](101)}), Is: mctr.ErrInvalid,
			Field: "resources.memory.swappiness 101"},
		{Config: config(mctr.Memory{Swappiness: p[int64](-1)}), Is: mctr.ErrInvalid,
			Field: "resources.memory.swappiness -1"},
		{Config: config(mctr.Memory{OOMScoreAdj: p(1001)}), Is: mctr.ErrInvalid,
			Field: "resources.memory.oom_score_adj 1001"},
		{Config: config(mctr.Memory{OOMScoreAdj: p(-1001)}), Is: mctr.ErrInvalid,
			Field: "resources.memory.oom_score_adj -1001"},
	})
	isolatortest.Accepts(t, newIsolator(), config(mctr.Memory{}), config(mctr.Memory{Limit: p(6 * m)}),
		config(mctr.Memory{Limit: p(64 * m), Reservation: p(32 * m), OOMScoreAdj: p(500)}),
		config(mctr.Memory{Limit: p[int64](-1)}))
}

// TestCheckVersions checks that settings of the other version of control groups are refused by
// name, and those of this host's version are accepted.
func TestCheckVersions(t *testing.T) {
	v1 := []isolatortest.Refusal{
		{Config: config(mctr.Memory{DisableOOM: true}), Is: mctr.ErrUnsupported, Field: "resources.memory.disable_oom"},
		{Config: config(mctr.Memory{Swappiness: p[int64](10)}), Is: mctr.ErrUnsupported,
			Field: "resources.memory.swappiness"},
	}
	v2 := []isolatortest.Refusal{{Config: config(mctr.Memory{High: p[int64](64 << 20)}), Is: mctr.ErrUnsupported,
		Field: "resources.memory.high"}}
	refused, taken := v2, v1
	if cgroup.Unified() {
		refused, taken = v1, v2
	}
	isolatortest.Refuses(t, newIsolator(), refused)
	for _, c := range taken {
		isolatortest.Accepts(t, newIsolator(), c.Config)
	}
}

func TestPrepare(t *testing.T) {
	twice := `,"swap":134217728`
	if !cgroup.Has("memory", "memory.memsw.limit_in_bytes") && !cgroup.Has("memory", "memory.swap.max") {
		twice = ""
	}
	for _, c := range []struct {
		name   string
		memory mctr.Memory
		want   string
	}{
		{"nothing", mctr.Memory{}, `{"memory":{}}`},
		{"as much swap again", mctr.Memory{Limit: p[int64](64 << 20)}, `{"memory":{"limit":67108864` + twice + `}}`},
		{"swap", mctr.Memory{Limit: p[int64](64 << 20), Swap: p[int64](-1)}, `{"memory":{"limit":67108864,"swap":-1}}`},
		{"no limit", mctr.Memory{Limit: p[int64](-1)}, `{"memory":{"limit":-1}}`},
		{"hardly a limit", mctr.Memory{Limit: p[int64](1<<63 - 1)}, `{"memory":{"limit":9223372036854775807}}`},
		{"soft", mctr.Memory{Reservation: p[int64](5)}, `{"memory":{"reservation":5}}`},
		{"v1", mctr.Memory{DisableOOM: true, Swappiness: p[int64](7)},
			`{"memory":{"swappiness":7,"disableOOMKiller":true}}`},
		{"v2", mctr.Memory{High: p[int64](64 << 20)}, `{"memory":{},"unified":{"memory.high":"67108864"}}`},
		{"v2, no limit", mctr.Memory{High: p[int64](-1)}, `{"memory":{},"unified":{"memory.high":"max"}}`},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			if got := isolatortest.JSON(t,
				isolatortest.Prepared(t, newIsolator(), config(c.memory)).Spec.Linux.Resources); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
	a := isolatortest.Prepared(t, newIsolator(), config(mctr.Memory{OOMScoreAdj: p(300)}))
	if score := a.Spec.Process.OOMScoreAdj; score == nil || *score != 300 {
		t.Errorf("oom_score_adj %v, want 300", score)
	}
}

// TestUsage lets a group use 8 MiB for a moment.
func TestUsage(t *testing.T) {
	name := isolatortest.Group(t, cgroups.Resources{Memory: 64 << 20},
		"dd if=/dev/zero of=/dev/null bs=8M count=1 2>/dev/null")
	u := &mctr.Usage{}
	if err := memory.New(usage.NewMeter()).Usage(t.Context(), mctr.Handle{Cgroup: name}, u); err != nil {
		t.Fatal(err)
	}
	if u.MemoryLimit != 64<<20 || u.MemoryPeak < 8<<20 || u.MemoryBytes > u.MemoryPeak || u.OOMKills != 0 {
		t.Errorf("usage: %+v; want a limit of 64 MiB and a peak of more than 8", u)
	}
}

// TestUsageByKind lets a group keep 4 MiB of a tmpfs and 4 MiB of a file.
func TestUsageByKind(t *testing.T) {
	shm, err := os.MkdirTemp("/dev/shm", "mctr-memory-test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(shm); err != nil {
			t.Error(err)
		}
	})
	name := isolatortest.Group(t, cgroups.Resources{}, strings.NewReplacer("SHM", shm, "DIR", t.TempDir()).Replace(
		"dd if=/dev/zero of=SHM/a bs=4M count=1 2>/dev/null; dd if=/dev/zero of=DIR/b bs=4M count=1 2>/dev/null"))
	u := &mctr.Usage{}
	if err := memory.New(usage.NewMeter()).Usage(t.Context(), mctr.Handle{Cgroup: name}, u); err != nil {
		t.Fatal(err)
	}
	const least = 4 << 20
	if u.MemoryShmem < least || u.MemoryCache < 2*least {
		t.Errorf("%d bytes of shared memory in a cache of %d, want 4 MiB in 8 or more", u.MemoryShmem, u.MemoryCache)
	}
	if u.MemoryAnon > u.MemoryPeak || u.MemoryKernel != nil && *u.MemoryKernel > u.MemoryPeak {
		t.Errorf("more of one kind than the peak: %+v", u)
	}
	if kernel := cgroup.Has("memory", "memory.kmem.usage_in_bytes") ||
		cgroup.Unified(); (u.MemoryKernel != nil) != kernel {
		t.Errorf("kernel memory %v, want it told: %t", u.MemoryKernel, kernel)
	}
	if (u.MemoryPressure != nil) != isolatortest.HasPressure(name, "memory") {
		t.Errorf("pressure: %+v", u.MemoryPressure)
	}
}

// TestUsageOfOOM checks that a kill is counted, and that no limit is reported as 0.
func TestUsageOfOOM(t *testing.T) {
	name := isolatortest.Group(t, cgroups.Resources{Memory: 16 << 20, MemorySwap: 16 << 20},
		"dd if=/dev/zero of=/dev/null bs=64M count=1 2>/dev/null")
	u := &mctr.Usage{}
	if err := memory.New(usage.NewMeter()).Usage(t.Context(), mctr.Handle{Cgroup: name}, u); err != nil ||
		u.OOMKills == 0 {
		t.Errorf("usage: %+v, %v; want a kill", u, err)
	}
	u = &mctr.Usage{}
	unlimited := isolatortest.Group(t, cgroups.Resources{}, "true")
	if err := memory.New(usage.NewMeter()).Usage(t.Context(), mctr.Handle{Cgroup: unlimited}, u); err != nil ||
		u.MemoryLimit != 0 {
		t.Errorf("usage without a limit: %+v, %v", u, err)
	}
}
