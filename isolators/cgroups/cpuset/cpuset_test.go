package cpuset_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/isolators/cgroups/cpuset"
	"github.com/mctr/mctr/isolators/isolatortest"
)

func config(cpus, mems string) mctr.ContainerConfig {
	return mctr.ContainerConfig{Resources: mctr.Resources{CPU: mctr.CPU{Cpus: cpus, Mems: mems}}}
}

func TestConformance(t *testing.T) {
	c := config("0", "0")
	isolatortest.Run(t, cpuset.New, &c)
}

func TestCheck(t *testing.T) {
	var refusals []isolatortest.Refusal
	for _, list := range []string{"a", ",", "0,", "1-0", "-1", "0-", "60000", "0-65535", "65536", "+0", "0;1", "0 1",
		"99999999999999999999"} {
		refusals = append(refusals,
			isolatortest.Refusal{Config: config(list, ""), Is: mctr.ErrInvalid, Field: "resources.cpu.cpus " + list},
			isolatortest.Refusal{Config: config("", list), Is: mctr.ErrInvalid, Field: "resources.cpu.mems " + list})
	}
	isolatortest.Refuses(t, cpuset.New(), refusals)
	isolatortest.Accepts(t, cpuset.New(), config("", ""), config("0", "0"), config("0-0,0", ""))
}

func TestPrepare(t *testing.T) {
	if got := isolatortest.JSON(t,
		isolatortest.Prepared(t, cpuset.New(),
			config("0-1", "0")).Spec.Linux.Resources.CPU); got != `{"cpus":"0-1","mems":"0"}` {
		t.Errorf("got %s", got)
	}
}

func TestParse(t *testing.T) {
	for list, want := range map[string][]int{
		"0": {0}, "0-2,7": {0, 1, 2, 7}, "3,1": {1, 3}, "0-1, 1-2": {0, 1, 2}, "65535": {65535},
	} {
		set := map[int]bool{}
		for _, n := range want {
			set[n] = true
		}
		got, err := cpuset.Parse(list)
		if diff := cmp.Diff(set, got); err != nil || diff != "" {
			t.Errorf("%q: %v %s", list, err, diff)
		}
	}
}

// FuzzParse checks that each member of the set is in the list, alone or within a range.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"0", "0-2,7", "", "-", "1-", "0-65535", "5-3", " 1 , 2 "} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, list string) {
		if len(list) > 256 {
			return
		}
		set, err := cpuset.Parse(list)
		if err != nil {
			return
		}
		var sum int
		for part := range strings.SplitSeq(list, ",") {
			from, to := 0, 0
			if n, _ := fmt.Sscanf(strings.TrimSpace(part), "%d-%d", &from, &to); n < 2 {
				to = from
			}
			if from < 0 || to < from || !set[from] || !set[to] {
				t.Errorf("%q: %d-%d is not in the set", list, from, to)
			}
			sum += to - from + 1
		}
		if len(set) == 0 || len(set) > sum {
			t.Errorf("%q has %d members, from %d that were named", list, len(set), sum)
		}
	})
}
