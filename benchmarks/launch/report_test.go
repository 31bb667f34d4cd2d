package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fake returns a finished race in which crun always failed and the library failed once.
func fake() *report {
	r := &report{Rounds: 3, ShimBytes: 7_000_000,
		Memory: []footprint{{Name: "mctr-shim", Containers: 2, PSS: 2048},
			{Name: "conmon", Containers: 2, Error: "not found"}}}
	for _, c := range []struct {
		name string
		ms   []int
	}{{library, []int{9, 9, 900}}, {cli, []int{20, 20, 20}}, {runc, []int{10, 10, 10}}, {runcAgain, []int{10, 10, 10}},
		{crun, []int{1, 1, 1}}} {
		entry := &contender{Name: c.name}
		for i, wall := range ms(c.ms...) {
			entry.Samples = append(entry.Samples,
				sample{wall: wall, cpu: wall, failed: c.name == crun || c.name == library && i == 2})
		}
		r.Contenders = append(r.Contenders, entry)
	}
	r.contender(crun).Errors, r.contender(crun).Error = 3, "crun: no such thing"
	r.compare()
	r.checkTargets()
	return r
}

func TestReportShowsFailures(t *testing.T) {
	var out bytes.Buffer
	if err := fake().print(&out); err != nil {
		t.Fatal(err)
	}
	table := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{"crun run FAILED 0 3 crun: no such thing", "mctr library / crun run FAILED",
		"conmon FAILED 2 not found", "NOT MET"} {
		if !strings.Contains(table, want) {
			t.Errorf("the table lacks %q:\n%s", want, out.String())
		}
	}
}

func TestFailedRoundsAreNoFigures(t *testing.T) {
	r := fake()
	if got := r.ratio(library, runc, wall); got != 0.9 {
		t.Errorf("ratio %v, want 0.9", got)
	}
	if got := r.contender(library).Wall.P99; got > 10 {
		t.Errorf("p99 %v holds a failed round", got)
	}
}

func TestJudge(t *testing.T) {
	want := map[string]string{
		"library to runc run, wall": "met", "mctr run --rm to runc run, wall": "NOT MET",
		"size of mctr-shim": "met", "PSS per container": "met",
	}
	for _, q := range fake().Reach {
		if q.verdict() != want[q.What] {
			t.Errorf("%s: %s, want %s", q.What, q.verdict(), want[q.What])
		}
		delete(want, q.What)
	}
	if len(want) > 0 {
		t.Errorf("not judged: %v", want)
	}
	r := &report{}
	r.checkTargets()
	if r.Reach[0].verdict() != "UNKNOWN" {
		t.Errorf("what was not measured is %s", r.Reach[0].verdict())
	}
}

func TestDraw(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.svg")
	if err := draw(fake(), path); err != nil {
		t.Fatal(err)
	}
	svg, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{library, "crun run (FAILED)", ">0.90<", ">2.00<"} {
		if !bytes.Contains(svg, []byte(want)) {
			t.Errorf("the picture lacks %q", want)
		}
	}
	if bytes.Contains(svg, []byte("http://")) && bytes.Contains(svg, []byte("<image")) {
		t.Error("the picture needs the network")
	}
}

// TestRace checks that a race counts failures and goes on.
func TestRace(t *testing.T) {
	bad := &contender{Name: "bad", run: func(context.Context) error { return errors.New("broken") }}
	good := &contender{Name: "good", run: func(ctx context.Context) error { return execute(ctx, "true") }}
	if err := race(t.Context(), []*contender{bad, good}, 3); err != nil {
		t.Fatal(err)
	}
	if bad.Errors != 4 || bad.Error != "broken" || len(bad.column(wall, nil)) != 0 {
		t.Errorf("bad: %+v", bad)
	}
	if good.Errors != 0 || len(good.column(wall, nil)) != 3 || good.Samples[0].cpu == 0 {
		t.Errorf("good: %+v", good)
	}
	if n := len(good.column(wall, bad)); n != 0 {
		t.Errorf("%d pairs with one that failed", n)
	}
}

func TestParsePSS(t *testing.T) {
	got, err := parsePSS(
		[]byte("00400000-7ffc ---p 00000000 00:00 0 [rollup]\nRss:  8980 kB\nPss:                2450 kB\n" +
			"Pss_Dirty: 1 kB\n"))
	if err != nil || got != 2450*1024 {
		t.Errorf("got %d, %v", got, err)
	}
	for _, bad := range []string{"", "Rss: 3 kB\n", "Pss: many kB\n"} {
		if _, err := parsePSS([]byte(bad)); err == nil {
			t.Errorf("%q has a size", bad)
		}
	}
}

func TestFlags(t *testing.T) {
	if o, err := parse(nil); err != nil || o.rounds != 100 || o.sleepers != 50 || o.bin != "bin" {
		t.Errorf("defaults: %+v, %v", o, err)
	}
	for _, bad := range [][]string{{"-n", "0"}, {"-sleepers", "-1"}, {"extra"}} {
		if _, err := parse(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}
