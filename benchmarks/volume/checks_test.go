package volume

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/benchmarks/volume/work"
)

// inMemory returns a directory in which a sync takes no time.
func inMemory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "volume")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// try puts a fake volume through all checks.
func try(t *testing.T, v mctr.NamedVolume, f fault) map[string]Result {
	t.Helper()
	trial := &trial{node: &fakeNode{dir: inMemory(t), size: v.Size, fault: f}, volume: v, size: 64 << 10, times: 3}
	results := map[string]Result{}
	for _, c := range checks {
		results[c.Name] = trial.run(t.Context(), c)
	}
	return results
}

var sized = mctr.NamedVolume{Name: "v", Driver: "fake", Size: 64 << 20}

// TestSoundVolume: what works passes, and what a volume lacks is absent.
func TestSoundVolume(t *testing.T) {
	for name, c := range map[string]struct {
		volume mctr.NamedVolume
		fault  fault
		absent []string
	}{
		"everything": {volume: sized, absent: []string{"snapshot"}},
		"of one node": {volume: mctr.NamedVolume{Driver: "local", Size: 1 << 20},
			absent: []string{"node", "snapshot"}},
		"without a size":   {volume: mctr.NamedVolume{Driver: "fake"}, absent: []string{"quota", "expand", "snapshot"}},
		"too large a size": {volume: mctr.NamedVolume{Size: 1 << 40}, absent: []string{"quota", "expand", "snapshot"}},
		"cannot expand": {volume: sized, absent: []string{"expand", "snapshot"},
			fault: fault{expand: func(int64) (int64, error) { return 0, fmt.Errorf("%w: no", mctr.ErrUnsupported) }}},
	} {
		t.Run(name, func(t *testing.T) {
			for check, r := range try(t, c.volume, c.fault) {
				want := Pass
				if slices.Contains(c.absent, check) {
					want = Absent
				}
				if r.Outcome != want || (r.Detail == "") != (want == Pass) {
					t.Errorf("%+v, want %s", r, want)
				}
			}
		})
	}
}

// TestFaults: each fault makes its checks fail, and no others.
func TestFaults(t *testing.T) {
	answers := func(verb string, change func(*work.Answer)) fault {
		return fault{at: noticeable, answer: func(w work.Work, a *work.Answer) {
			if w.Verb == verb {
				change(a)
			}
		}}
	}
	expands := func(change func(int64) (int64, error)) fault { return fault{expand: change} }
	down := errors.New("the fault")
	sizes, data := []string{"quota", "expand"}, []string{"written", "restart", "remount"}
	for name, c := range map[string]struct {
		fault fault
		fail  []string
	}{
		"other bytes are read":     {answers(work.Keep, func(a *work.Answer) { a.SHA256 = "0" }), data},
		"there are data before":    {answers(work.Keep, func(a *work.Answer) { a.Found = true }), data},
		"altered at a restart":     {fault{at: restarts, files: alter}, []string{"restart"}},
		"lost at a restart":        {fault{at: restarts, files: lose}, []string{"restart"}},
		"does not restart":         {fault{at: restarts, fails: down}, []string{"restart"}},
		"altered by a kill":        {fault{at: killed, files: alter}, []string{"kill"}},
		"cut by a kill":            {fault{at: killed, files: cut}, []string{"kill"}},
		"altered when agents end":  {fault{at: agentEnds, files: alter}, []string{"agent"}},
		"lost when agents end":     {fault{at: agentEnds, files: lose}, []string{"agent"}},
		"not adopted":              {fault{at: agentEnds, fails: down}, []string{"agent"}},
		"cut by a crash":           {fault{at: boots, files: cut}, []string{"host"}},
		"does not boot":            {fault{at: boots, fails: down}, []string{"host", "node"}},
		"altered on another node":  {fault{at: takenOver, files: alter}, []string{"node"}},
		"not made on another node": {fault{at: takenOver, fails: down}, []string{"node"}},
		"an update is lost":        {answers(work.Tally, func(a *work.Answer) { a.Count-- }), []string{"writers"}},
		"a line is lost":           {answers(work.Tally, func(a *work.Answer) { a.Lines-- }), []string{"writers"}},
		"never full":               {answers(work.Fill, func(a *work.Answer) { a.Full = "" }), sizes},
		"full with another error":  {answers(work.Fill, func(a *work.Answer) { a.Full = "EIO" }), sizes},
		"holds more than its size": {answers(work.Fill, func(a *work.Answer) { a.Bytes++ }), sizes},
		"holds little":             {answers(work.Fill, func(a *work.Answer) { a.Bytes /= 3 }), sizes},
		"altered while full":       {answers(work.Fill, func(a *work.Answer) { a.SHA256 = "0" }), sizes},
		"altered once it was full": {fault{at: isFull, files: alter}, sizes},
		"altered by an expansion":  {fault{at: expanded, files: alter}, []string{"expand"}},
		"expansion fails":          {fault{at: expanded, fails: down}, []string{"expand"}},
		"expanded by one byte": {expands(func(size int64) (int64, error) { return size/2 + 1, nil }),
			[]string{"expand"}},
		"expanded, but not in fact": {expands(func(size int64) (int64, error) { return size, nil }),
			[]string{"expand"}},
		"only its record expanded": {answers(work.Fill, func(a *work.Answer) { a.Bytes = min(a.Bytes, sized.Size) }),
			[]string{"expand"}},
		"no container starts": {fault{at: starts, fails: down}, []string{"written", "restart", "remount", "kill",
			"agent", "host", "node", "writers", "quota", "expand"}},
	} {
		t.Run(name, func(t *testing.T) {
			for check, r := range try(t, sized, c.fault) {
				want := Pass
				switch {
				case slices.Contains(c.fail, check):
					want = Fail
				case check == "snapshot":
					want = Absent
				}
				if r.Outcome != want || want == Fail && r.Detail == "" {
					t.Errorf("%+v, want %s", r, want)
				}
			}
		})
	}
}

// TestLost: data that are lost between two containers make the remount fail, not only those that change.
func TestLost(t *testing.T) {
	for name, files := range map[string]func(string) error{"lost": lose, "altered": alter, "cut": cut} {
		n := &fakeNode{dir: inMemory(t)}
		tr := &trial{node: n, volume: mctr.NamedVolume{Name: "v"}, size: 64 << 10, times: 3}
		w := tr.work(work.Keep)
		if a, err := tr.one(t.Context(), w); fresh(w, a, err) != nil {
			t.Fatal(err)
		}
		if err := tr.look(t.Context(), n, w); err != nil {
			t.Fatal(err)
		}
		if err := files(n.dir); err != nil {
			t.Fatal(err)
		}
		if err := tr.look(t.Context(), n, w); err == nil {
			t.Errorf("%s: not noticed", name)
		}
	}
}

// TestNextCheckStartsClean: a check that failed leaves no files that the next would find.
func TestNextCheckStartsClean(t *testing.T) {
	dir := inMemory(t)
	tr := &trial{node: &fakeNode{dir: dir, fault: fault{at: killed, files: alter}},
		volume: mctr.NamedVolume{Name: "v"}, size: 64 << 10, times: 3}
	if r := tr.run(t.Context(), checks[3]); r.Check != "kill" || r.Outcome != Fail {
		t.Fatalf("%+v", r)
	}
	if left, err := filepath.Glob(dir + "/*"); len(left) > 0 || err != nil {
		t.Error(left, err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Error(err)
	}
}
