package pids_test

import (
	"testing"

	"github.com/opencontainers/cgroups"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cgroup/usage"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/isolators/cgroups/pids"
	"github.com/mctr/mctr/isolators/isolatortest"
)

func newIsolator() isolators.Isolator { return pids.New(usage.NewMeter()) }

func config(n int64) mctr.ContainerConfig {
	return mctr.ContainerConfig{Resources: mctr.Resources{Pids: &n}}
}

func TestConformance(t *testing.T) {
	c := config(100)
	isolatortest.Run(t, newIsolator, &c)
}

func TestCheck(t *testing.T) {
	isolatortest.Refuses(t, newIsolator(), []isolatortest.Refusal{
		{Config: config(0), Is: mctr.ErrInvalid, Field: "resources.pids 0"},
		{Config: config(15), Is: mctr.ErrInvalid, Field: "resources.pids 15"},
		{Config: config(-2), Is: mctr.ErrInvalid, Field: "resources.pids -2"},
		{Config: config(4<<20 + 1), Is: mctr.ErrInvalid, Field: "resources.pids 4194305"},
	})
	isolatortest.Accepts(t, newIsolator(), mctr.ContainerConfig{}, config(16), config(4<<20), config(-1))
}

func TestPrepare(t *testing.T) {
	if a := isolatortest.Prepared(t, newIsolator(), mctr.ContainerConfig{}); a.Spec.Linux != nil {
		t.Errorf("without a limit: %+v", a.Spec.Linux)
	}
	for n, want := range map[int64]string{100: `{"pids":{"limit":100}}`, -1: `{"pids":{"limit":-1}}`} {
		if got := isolatortest.JSON(t,
			isolatortest.Prepared(t, newIsolator(), config(n)).Spec.Linux.Resources); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}

func TestUsage(t *testing.T) {
	limit := int64(20)
	name := isolatortest.Group(t, cgroups.Resources{PidsLimit: &limit}, "sleep 600 & true")
	u := &mctr.Usage{}
	i := pids.New(usage.NewMeter())
	if err := i.Usage(t.Context(), mctr.Handle{Cgroup: name}, u); err != nil || u.Pids != 2 || u.PidsLimit != 20 {
		t.Errorf("usage: %+v, %v; want 2 of 20", u, err)
	}
}
