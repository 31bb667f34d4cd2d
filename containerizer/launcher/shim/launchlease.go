package shim

import (
	"fmt"

	"github.com/mctr/mctr"
)

// lease makes p the client whose connection the container lives by until Start. There
// is one such client in a shim's life: what any other asks for changes nothing.
func (s *Shim) lease(p *peer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.launcher == nil && s.create == nil {
		s.launcher = p
	}
	if s.launcher != p {
		return fmt.Errorf("%w: this shim supervises a container of another client's launch", mctr.ErrExists)
	}
	return nil
}

// endLease destroys a container whose launcher went before the start, and ends a shim
// without a container.
func (s *Shim) endLease(p *peer) {
	s.mu.Lock()
	held, created := s.launcher == p, s.container != nil
	s.mu.Unlock()
	switch {
	case !held:
	case created:
		why := mctr.Limitation{Reason: mctr.ReasonLaunchFailed, Message: "the launcher went away before the start"}
		_ = s.destroy(why) // logged
	default:
		s.giveUp()
	}
}

// takeOver lets the shim end without its exit command: the client, which has been told
// the container's end, cleans up.
func (s *Shim) takeOver() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.exit == nil {
		return fmt.Errorf("%w: clean: container is %s", mctr.ErrState, s.phase)
	}
	s.cleaned = true
	s.handover.Broadcast()
	return nil
}
