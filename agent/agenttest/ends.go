package agenttest

import (
	"github.com/mctr/mctr"
)

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
