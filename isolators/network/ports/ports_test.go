package ports_test

import (
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/cgroups"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/testns"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/isolators/isolatortest"
	"github.com/mctr/mctr/isolators/network/ports"
)

func TestMain(m *testing.M) { testns.Main(m) }

func policy(end bool, ranges ...mctr.PortRange) *mctr.ContainerConfig {
	return &mctr.ContainerConfig{Listen: &mctr.ListenPolicy{Ports: ranges, End: end,
		Interval: mctr.Duration(10 * time.Millisecond)}}
}

func TestConformance(t *testing.T) {
	isolatortest.Run(t, ports.New,
		policy(true, mctr.PortRange{First: 80, Last: 90}))
}

func TestCheck(t *testing.T) {
	hasty := *policy(true)
	hasty.Listen = &mctr.ListenPolicy{Interval: mctr.Duration(time.Millisecond)}
	isolatortest.Refuses(t, ports.New(), []isolatortest.Refusal{
		{Config: *policy(true, mctr.PortRange{First: 9, Last: 8}), Is: mctr.ErrInvalid, Field: "listen.ports"},
		{Config: *policy(true, mctr.PortRange{First: 0, Last: 8}), Is: mctr.ErrInvalid, Field: "listen.ports"},
		{Config: hasty, Is: mctr.ErrInvalid, Field: "listen.interval"},
	})
	isolatortest.Accepts(t, ports.New(), mctr.ContainerConfig{}, *policy(false))
}

// prepared prepares a container with this policy, and cleans up at the end.
func prepared(t *testing.T, i isolators.Isolator, group string, config *mctr.ContainerConfig) mctr.Handle {
	t.Helper()
	c := &mctr.Container{Handle: mctr.Handle{ID: "box", State: t.TempDir(), Cgroup: group}, Config: config}
	if _, err := i.Prepare(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := i.Cleanup(t.Context(), c.Handle); err != nil {
			t.Error(err)
		}
	})
	return c.Handle
}

// TestWatch checks that an isolator that did not prepare the container finds the one port that was
// not assigned.
func TestWatch(t *testing.T) {
	group := isolatortest.Group(t, cgroups.Resources{},
		"busybox httpd -p 127.0.0.1:7070 -h /; busybox httpd -p 7799 -h /")
	h := prepared(t, ports.New(), group, policy(true, mctr.PortRange{First: 7000, Last: 7100}))
	next := ports.New()
	t.Cleanup(func() { _ = next.Cleanup(t.Context(), h) })
	found := make(chan mctr.Limitation, 1)
	if err := next.Watch(t.Context(), h, func(l mctr.Limitation) { found <- l }); err != nil {
		t.Fatal(err)
	}
	select {
	case l := <-found:
		if l.Reason != mctr.ReasonLimitation || l.Resource != "ports" || !strings.Contains(l.Message, ":7799") ||
			!strings.Contains(l.Message, "7000-7100") {
			t.Errorf("%+v", l)
		}
	case <-time.After(20 * time.Second):
		t.Error("it was not found")
	}
}

// TestStatus checks the warnings, and that none is about sockets of other processes.
func TestStatus(t *testing.T) {
	mine := isolatortest.Group(t, cgroups.Resources{}, "busybox httpd -p 7071 -h /")
	isolatortest.Group(t, cgroups.Resources{}, "busybox httpd -p 7072 -h /")
	for _, c := range []struct {
		first uint16
		want  int
	}{{7071, 0}, {7072, 1}} {
		config := policy(false, mctr.PortRange{First: c.first, Last: c.first})
		s := &mctr.Status{Config: config}
		if err := ports.New().Status(t.Context(), mctr.Handle{Cgroup: mine}, s); err != nil {
			t.Fatal(err)
		}
		if len(s.Warnings) != c.want || c.want > 0 && !strings.Contains(s.Warnings[0], ":7071") {
			t.Errorf("%d: %q", c.first, s.Warnings)
		}
	}
}

// TestEndedWatch checks that nothing is reported after Cleanup.
func TestEndedWatch(t *testing.T) {
	group := isolatortest.Group(t, cgroups.Resources{}, "true")
	i := ports.New()
	h := prepared(t, i, group, policy(true))
	if err := i.Watch(t.Context(), h, func(l mctr.Limitation) { t.Errorf("reported: %+v", l) }); err != nil {
		t.Fatal(err)
	}
	if err := i.Cleanup(t.Context(), h); err != nil {
		t.Fatal(err)
	}
}
