package network

import (
	"strings"
	"testing"

	"github.com/mctr/mctr/benchmarks/network/load"
)

// measuredAs returns a case whose slots have these transactions per second, case and baseline in
// turn.
func measuredAs(name string, pairs ...float64) *Measured {
	m := &Measured{Case: Case{Name: name}}
	for i := 0; i < len(pairs); i += 2 {
		at := func(tps float64) map[string]Sample {
			return map[string]Sample{"rrN": {Result: load.Result{TPS: tps, Transactions: 1000}, CPUNanos: 5_000_000}}
		}
		m.Slots = append(m.Slots, Slot{Case: at(pairs[i]), Base: at(pairs[i+1])})
	}
	return m
}

func TestSeparated(t *testing.T) {
	r := &Report{Cases: []*Measured{
		measuredAs("A/A", 95, 100, 105, 100, 100, 100),
		measuredAs("half", 50, 100, 51, 100, 49, 100),
		measuredAs("near", 97, 100, 99, 100, 98, 100),
		measuredAs("twice", 200, 100, 201, 100, 199, 100),
	}}
	for i, want := range []bool{false, true, false, true} {
		if got := r.separated(r.Cases[i], "rrN tps"); got != want {
			t.Errorf("%s: separated %v", r.Cases[i].Name, got)
		}
	}
	if q := r.Cases[1].Ratio("rrN tps"); q.Mid != 0.5 || q.Low > 0.5 || q.High < 0.5 {
		t.Errorf("half: %+v", q)
	}
	if text := r.ratioText(r.Cases[2], "rrN tps"); !strings.HasSuffix(text, " not separated") {
		t.Errorf("near: %q", text)
	}
	if got := r.Cases[1].Median("cpu per tx"); got != 5 {
		t.Errorf("%v us of processor a transaction, want 5", got)
	}
}

func TestNothingToDraw(t *testing.T) {
	r := &Report{Cases: []*Measured{{Case: Cases[0], Failed: "no"}}, Client: &Facts{}}
	if _, err := r.Picture("rrN tps", "x"); err == nil {
		t.Error("it was drawn")
	}
}

func TestChoose(t *testing.T) {
	for _, c := range []struct {
		names []string
		want  int
	}{{nil, len(Cases)}, {[]string{"vxlan"}, 2}, {[]string{"direct-host", "sealed"}, 3},
		{[]string{"direct-direct"}, 1}} {
		if got, err := Choose(c.names); err != nil || len(got) != c.want {
			t.Errorf("%v: %v %v", c.names, got, err)
		}
	}
	if _, err := Choose([]string{"weave"}); err == nil {
		t.Error("weave was chosen")
	}
}

// TestRead checks that a question with an unknown field is refused.
func TestRead(t *testing.T) {
	for text, want := range map[string]string{
		`{"start":{"name":"a","where":"host"},"count":1}`: "", `{"start":{"name":"a","colour":"red"}}`: "start.colour",
		`{"weight":1}`: "weight", `{"count":"x"}`: "cannot unmarshal",
	} {
		_, err := read(strings.NewReader(text))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
