package shim

import (
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/engine"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/internal/proc"
)

// tryExec runs a process in the container. Engines know of one that does not get in
// only that it died on its way, in many words; why is known here.
func (s *Shim) tryExec(c container, p *specs.Process, io engine.Stdio) (*engine.Process, error) {
	process, err := c.Exec(p, io)
	switch {
	case err == nil:
		return process, nil
	case wire.NewError(err).Kind != "": // the engine does know
		return nil, err
	case s.ending(c):
		return nil, fmt.Errorf("%w: container has ended: %w", mctr.ErrState, err)
	}
	return nil, err
}

// ending says whether the container is being killed, or has ended.
func (s *Shim) ending(c container) bool {
	s.mu.Lock()
	killed := s.why != nil
	s.mu.Unlock()
	return killed || s.sessions.over() || proc.Ending(c.Init().Pid)
}
