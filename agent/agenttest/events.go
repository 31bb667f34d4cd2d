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

// acknowledges checks that a termination is kept until a client acknowledges it, even after the
// container was removed.
func acknowledges(s *scene) {
	s.launch("job", "sh", "-c", "exit 9")
	s.wantExit("job", 9)
	s.remove("job")
	found, err := s.Ends(s.ctx)
	s.check(err)
	var keys []string
	codes := map[mctr.ContainerID]int{}
	for _, end := range found.Ends {
		keys = append(keys, end.Key)
		codes[end.ID] = end.Termination.ExitCode
	}
	if codes["job"] != 9 {
		s.Errorf("%+v", found)
	}
	s.check(s.Acknowledge(s.ctx, keys...))
	if found, err := s.Ends(s.ctx); err != nil || len(found.Ends) > 0 {
		s.Errorf("after the acknowledgement: %+v, %v", found, err)
	}
}

func examines(s *scene) {
	facts, err := s.Host().Facts(s.ctx)
	if err != nil || facts.Version == "" || facts.Backend == "" || facts.Kernel == "" || facts.CPUs == 0 ||
		facts.Memory == 0 || facts.Root == "" || facts.State == "" {
		s.Errorf("%+v, %v", facts, err)
	}
	found, err := s.Host().Examine(s.ctx)
	if err != nil || !slices.ContainsFunc(found, func(f mctr.Finding) bool { return f.State == mctr.FindingOK }) {
		s.Errorf("%+v, %v", found, err)
	}
}

// reconciles checks that a running container is not taken for a leftover.
func reconciles(s *scene) {
	s.launch("job", "sleep", "1000")
	for name, look := range map[string]func() ([]mctr.Leftover, error){
		"leftovers": func() ([]mctr.Leftover, error) { return s.Leftovers(s.ctx) },
		"reconcile": func() ([]mctr.Leftover, error) { return s.Reconcile(s.ctx) },
	} {
		if found, err := look(); err != nil || len(found) > 0 {
			s.Errorf("%s: %v, %v", name, found, err)
		}
	}
	s.wantPhase("job", mctr.Running)
	s.remove("job")
}
