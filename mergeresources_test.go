package mctr_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mctr/mctr"
)

func TestResourcesWith(t *testing.T) {
	one, two, three, weight := int64(1), int64(2), uint64(3), uint16(100)
	old := mctr.Resources{
		CPU: mctr.CPU{Shares: &three, Cpus: "0"}, Memory: mctr.Memory{Limit: &one, Swap: &two}, Pids: &one,
		BlockIO: mctr.BlockIO{Throttles: []mctr.IOThrottle{{Device: "a", Kind: "read-bps", Rate: 1},
			{Device: "a", Kind: "write-bps", Rate: 1}}},
	}
	change := mctr.Resources{
		CPU: mctr.CPU{Quota: &one, Cpus: "1"}, Memory: mctr.Memory{Limit: &two},
		BlockIO: mctr.BlockIO{Weight: &weight, Throttles: []mctr.IOThrottle{{Device: "a", Kind: "read-bps", Rate: 9}}},
	}
	want := mctr.Resources{
		CPU: mctr.CPU{Shares: &three, Quota: &one, Cpus: "1"}, Memory: mctr.Memory{Limit: &two, Swap: &two}, Pids: &one,
		BlockIO: mctr.BlockIO{Weight: &weight,
			Throttles: []mctr.IOThrottle{{Device: "a", Kind: "read-bps", Rate: 9},
				{Device: "a", Kind: "write-bps", Rate: 1}}},
	}
	if diff := cmp.Diff(want, old.With(change)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(old, old.With(mctr.Resources{})); diff != "" {
		t.Error("nothing changes something:", diff)
	}
}
