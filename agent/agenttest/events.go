package agenttest

import (
	"slices"

	"github.com/mctr/mctr"
)

// events checks that the events of a container are returned in order, while they happen and
// afterwards, and that a cursor excludes earlier events.
func events(s *scene) {
	var before uint64
	for e, err := range s.Events(s.ctx, mctr.EventOptions{}) {
		s.check(err)
		before = e.Cursor
	}
	s.launch("job", "sleep", "0.3") // the start event of a container that exits at once may follow its die event
	s.wantExit("job", 0)
	s.remove("job")
	want := []string{mctr.EventCreate, mctr.EventStart, mctr.EventDie, mctr.EventDestroy}
	for _, follow := range []bool{false, true} {
		var got []string
		for e, err := range s.Events(s.ctx, mctr.EventOptions{Follow: follow, After: before}) {
			s.check(err)
			if e.Cursor <= before || e.ID != "job" {
				s.Errorf("after the cursor %d: got %+v", before, e)
			}
			if slices.Contains(want, e.Action) {
				got = append(got, e.Action)
			}
			if follow && e.Action == mctr.EventDestroy {
				break
			}
		}
		if !slices.Equal(got, want) {
			s.Errorf("follow %t: %q, want %q", follow, got, want)
		}
	}
}
