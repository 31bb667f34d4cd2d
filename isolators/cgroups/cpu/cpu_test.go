package cpu_test

import (
	"testing"
	"time"

	"github.com/opencontainers/cgroups"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cgroup/usage"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/isolators/cgroups/cpu"
	"github.com/mctr/mctr/isolators/isolatortest"
)

func newIsolator() isolators.Isolator { return cpu.New(usage.NewMeter()) }

func config(c mctr.CPU) mctr.ContainerConfig {
	return mctr.ContainerConfig{Resources: mctr.Resources{CPU: c}}
}

func p[T any](v T) *T { return &v }

func TestConformance(t *testing.T) {
	c := config(mctr.CPU{Quota: p[int64](50000), Period: p[uint64](100000)})
	isolatortest.Run(t, newIsolator, &c)
}

func TestCheck(t *testing.T) {
	isolatortest.Refuses(t, newIsolator(), []isolatortest.Refusal{
		{Config: config(mctr.CPU{Shares: p[uint64](1)}), Is: mctr.ErrInvalid, Field: "resources.cpu.shares 1"},
		{Config: config(mctr.CPU{Shares: p[uint64](262145)}), Is: mctr.ErrInvalid,
			Field: "resources.cpu.shares 262145"},
		{Config: config(mctr.CPU{Period: p[uint64](999)}), Is: mctr.ErrInvalid, Field: "resources.cpu.period 999"},
		{Config: config(mctr.CPU{Period: p[uint64](1000001)}), Is: mctr.ErrInvalid,
			Field: "resources.cpu.period 1000001"},
		{Config: config(mctr.CPU{Quota: p[int64](999)}), Is: mctr.ErrInvalid, Field: "resources.cpu.quota 999"},
		{Config: config(mctr.CPU{Quota: p[int64](0)}), Is: mctr.ErrInvalid, Field: "resources.cpu.quota 0"},
		{Config: config(mctr.CPU{Quota: p[int64](-2)}), Is: mctr.ErrInvalid, Field: "resources.cpu.quota -2"},
		{Config: config(mctr.CPU{Burst: p[uint64](1)}), Is: mctr.ErrInvalid, Field: "resources.cpu.burst 1"},
		{Config: config(mctr.CPU{Burst: p[uint64](1), Quota: p[int64](-1)}), Is: mctr.ErrInvalid,
			Field: "resources.cpu.burst 1"},
		{Config: config(mctr.CPU{Burst: p[uint64](2001), Quota: p[int64](2000)}), Is: mctr.ErrInvalid,
			Field: "resources.cpu.burst 2001"},
	})
	isolatortest.Accepts(t, newIsolator(), config(mctr.CPU{}),
		config(mctr.CPU{Shares: p[uint64](2), Quota: p[int64](1000), Period: p[uint64](1000)}),
		config(mctr.CPU{Shares: p[uint64](262144), Quota: p[int64](-1), Period: p[uint64](1000000)}))
}

func TestPrepare(t *testing.T) {
	for _, c := range []struct {
		cpu  mctr.CPU
		want string
	}{
		{mctr.CPU{}, `{}`},
		{mctr.CPU{Cpus: "0"}, `{}`}, // another isolator's
		{mctr.CPU{Shares: p[uint64](512), Quota: p[int64](50000), Period: p[uint64](100000), Burst: p[uint64](10)},
			`{"shares":512,"quota":50000,"burst":10,"period":100000}`},
	} {
		if got := isolatortest.JSON(t,
			isolatortest.Prepared(t, newIsolator(), config(c.cpu)).Spec.Linux.Resources.CPU); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

// TestUsage lets a group work at a tenth of a processor, and checks that work and throttling are
// counted.
func TestUsage(t *testing.T) {
	limits := cgroups.Resources{CpuQuota: 10000, CpuPeriod: 100000}
	name := isolatortest.Group(t, limits, "i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done")
	u := &mctr.Usage{}
	if err := cpu.New(usage.NewMeter()).Usage(t.Context(), mctr.Handle{Cgroup: name}, u); err != nil {
		t.Fatal(err)
	}
	if u.CPUNanos == 0 || u.CPUUserNanos+u.CPUSystemNanos == 0 || u.CPUNanos > uint64(time.Hour) {
		t.Errorf("cpu time: %d ns, of it user %d and system %d", u.CPUNanos, u.CPUUserNanos, u.CPUSystemNanos)
	}
	if u.Throttled == 0 || u.ThrottledNanos == 0 || u.Time.IsZero() {
		t.Errorf("throttled %d times for %d ns at %s", u.Throttled, u.ThrottledNanos, u.Time)
	}
	if (u.CPUPressure != nil) != isolatortest.HasPressure(name, "cpu") {
		t.Errorf("pressure: %+v", u.CPUPressure)
	}
	if u.CPUPressure != nil && u.CPUPressure.Some.TotalNanos == 0 {
		t.Error("a process was throttled, and none waited")
	}
}
