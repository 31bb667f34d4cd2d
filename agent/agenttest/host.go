package agenttest

import (
	"slices"

	"github.com/mctr/mctr"
)

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
