package containerizer_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/isolators"
)

// A strict isolator reports a broken limit as soon as it watches.
type strict struct {
	isolators.Base
	limitation mctr.Limitation
}

func (*strict) Name() string { return "test/strict" }

func (s *strict) Watch(_ context.Context, _ mctr.Handle, report func(mctr.Limitation)) error {
	go report(s.limitation)
	return nil
}

// TestLimitation wants the container of a broken limit to end for that reason,
// told to who waits here, and kept for who asks later.
func TestLimitation(t *testing.T) {
	want := mctr.Limitation{Reason: mctr.ReasonLimitation, Message: "disk: 12 MiB of 10 MiB", Resource: "disk",
		Limit: 10 << 20, Used: 12 << 20}
	a := newAgent(t, &strict{limitation: want})
	a.launch("job", "sleep", "100")
	end, err := a.Wait(t.Context(), "job")
	if err != nil {
		t.Fatal(err)
	}
	if end.Reason != want.Reason || end.Message != want.Message || end.ExitCode != 137 {
		t.Errorf("ended by %+v", end)
	}
	if s, err := a.open().Status(t.Context(), "job"); err != nil || !cmp.Equal(s.Termination.Limitation, &want) {
		t.Errorf("later: %+v, %v", s, err)
	}
	a.remove("job")
}

// TestLimitsOfTheShim are those that need no isolator: memory, by the kernel, and time.
func TestLimitsOfTheShim(t *testing.T) {
	a := newAgent(t)
	for reason, c := range map[string]struct {
		config   func(*mctr.ContainerConfig)
		resource string
		limit    int64
	}{
		mctr.ReasonMaxTime: {func(c *mctr.ContainerConfig) { c.MaxCompletion = mctr.Duration(30 * time.Millisecond) },
			"time", 30e6},
		mctr.ReasonOOM: {func(c *mctr.ContainerConfig) {
			limit := int64(16 << 20)
			c.Resources.Memory = mctr.Memory{Limit: &limit, Swap: &limit}
			c.Process.Args = []string{"dd", "if=/dev/zero", "of=/dev/null", "bs=64M"}
		}, "memory", 16 << 20},
	} {
		config := a.config("sleep", "100")
		c.config(config)
		if _, err := a.Launch(t.Context(), "job", config, containerizer.LaunchOptions{}); err != nil {
			t.Fatal(err)
		}
		end, err := a.Wait(t.Context(), "job")
		if err != nil || end.Reason != reason || end.Limitation == nil || end.Limitation.Resource != c.resource ||
			end.Limitation.Limit != c.limit || end.Limitation.Used == 0 {
			t.Errorf("%s: %+v, %+v, %v", reason, end, end.Limitation, err)
		}
		a.remove("job")
	}
}

// TestKilledAfterOOM kills a container in which the kernel had killed a child: it was
// not memory that ended it, and the child is not forgotten.
func TestKilledAfterOOM(t *testing.T) {
	a := newAgent(t)
	config := a.config("sh", "-c", "dd if=/dev/zero of=/dev/null bs=64M; echo survived; exec sleep 100")
	limit := int64(16 << 20)
	config.Resources.Memory = mctr.Memory{Limit: &limit, Swap: &limit}
	a.launchConfig("job", config)
	a.until("job", "survived")
	if err := a.Kill(t.Context(), "job", unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	end, err := a.Wait(t.Context(), "job")
	if err != nil || end.Reason != mctr.ReasonSignaled || end.Signal != int(unix.SIGKILL) || end.Limitation != nil ||
		end.OOM == nil {
		t.Errorf("%+v, %v", end, err)
	}
	a.remove("job")
}
