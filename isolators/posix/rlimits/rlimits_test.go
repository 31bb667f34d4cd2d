package rlimits_test

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/kernel"
	"github.com/mctr/mctr/isolators/isolatortest"
	"github.com/mctr/mctr/isolators/posix/rlimits"
)

func config(l ...mctr.Rlimit) mctr.ContainerConfig { return mctr.ContainerConfig{Rlimits: l} }

func TestConformance(t *testing.T) {
	c := config(mctr.Rlimit{Type: "core", Soft: 0, Hard: 0})
	isolatortest.Run(t, rlimits.New, &c)
}

func TestCheck(t *testing.T) {
	isolatortest.Refuses(t, rlimits.New(), []isolatortest.Refusal{
		{Config: config(mctr.Rlimit{Type: "files", Soft: 1, Hard: 1}), Is: mctr.ErrInvalid,
			Field: "config.rlimits files"},
		{Config: config(mctr.Rlimit{Soft: 1, Hard: 1}), Is: mctr.ErrInvalid, Field: "config.rlimits"},
		{Config: config(mctr.Rlimit{Type: "nofile", Soft: 2, Hard: 1}), Is: mctr.ErrInvalid,
			Field: "config.rlimits nofile=2:1"},
		{Config: config(mctr.Rlimit{Type: "nofile", Soft: -1, Hard: 1}), Is: mctr.ErrInvalid,
			Field: "config.rlimits nofile=-1:1"},
		{Config: config(mctr.Rlimit{Type: "nofile", Soft: -2, Hard: -2}), Is: mctr.ErrInvalid,
			Field: "config.rlimits nofile"},
		{Config: config(mctr.Rlimit{Type: "core"}, mctr.Rlimit{Type: "x"}), Is: mctr.ErrInvalid,
			Field: "config.rlimits x"},
	})
	isolatortest.Accepts(t, rlimits.New(), config(
		mctr.Rlimit{Type: "nofile", Soft: 64, Hard: 128}, mctr.Rlimit{Type: "RLIMIT_CORE"},
		mctr.Rlimit{Type: "RLMT_NPROC", Soft: 10, Hard: 10}))
}

// TestCheckOwnLimit asks for more than this process has: with CAP_SYS_RESOURCE Check accepts it,
// without it Check refuses it by name.
func TestCheckOwnLimit(t *testing.T) {
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_MSGQUEUE, &old); err != nil {
		t.Fatal(err)
	}
	if old.Max == unix.RLIM_INFINITY {
		t.Fatal("this process' RLIMIT_MSGQUEUE has no bound to ask for more than")
	}
	more := config(mctr.Rlimit{Type: "msgqueue", Soft: int64(old.Max) + 1, Hard: int64(old.Max) + 1})
	if kernel.HasCapability(unix.CAP_SYS_RESOURCE) {
		isolatortest.Accepts(t, rlimits.New(), more)
		return
	}
	isolatortest.Refuses(t, rlimits.New(),
		[]isolatortest.Refusal{{Config: more, Is: mctr.ErrUnsupported, Field: "config.rlimits msgqueue"}})
}

func TestPrepare(t *testing.T) {
	for _, c := range []struct {
		name   string
		limits []mctr.Rlimit
		want   string
	}{
		{"none", nil, `null`},
		{"docker's name", []mctr.Rlimit{{Type: "nofile", Soft: 1, Hard: 2}},
			`[{"type":"RLIMIT_NOFILE","hard":2,"soft":1}]`},
		{"Mesos' name", []mctr.Rlimit{{Type: "RLMT_CPU", Soft: 1, Hard: 2}},
			`[{"type":"RLIMIT_CPU","hard":2,"soft":1}]`},
		{"infinity", []mctr.Rlimit{{Type: "RLIMIT_CORE", Soft: 0, Hard: -1}},
			`[{"type":"RLIMIT_CORE","hard":18446744073709551615,"soft":0}]`},
		{"the last counts",
			[]mctr.Rlimit{{Type: "core", Soft: 1, Hard: 1}, {Type: "cpu", Soft: 3, Hard: 3},
				{Type: "RLIMIT_CORE", Soft: 2, Hard: 2}},
			`[{"type":"RLIMIT_CPU","hard":3,"soft":3},{"type":"RLIMIT_CORE","hard":2,"soft":2}]`},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			if got := isolatortest.JSON(t,
				isolatortest.Prepared(t, rlimits.New(), config(c.limits...)).Spec.Process.Rlimits); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}
