package shim

import (
	"fmt"

	"github.com/mctr/mctr"
)

// lease makes p the launcher, on whose connection the container depends until Start. A shim has one
// launcher in its life; lease returns an error for any other client.
func (s *Shim) lease(p *peer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.launcher == nil && s.create == nil {
		s.launcher = p
	}
	if s.launcher != p {
		return fmt.Errorf("%w: this shim supervises the container of another client", mctr.ErrExists)
	}
	return nil
}

// endLease destroys the container if its launcher disconnects before the start. If there is no
// container yet, the shim exits.
func (s *Shim) endLease(p *peer) {
	s.mu.Lock()
	held, created := s.launcher == p, s.container != nil
	s.mu.Unlock()
	switch {
	case !held:
	case created:
		why := mctr.Limitation{Reason: mctr.ReasonLaunchFailed, Message: "the launcher disconnected before the start"}
		_ = s.destroy(why) // destroy logs its error
	default:
		s.giveUp()
	}
}

// takeOverCleanup lets the shim exit without running its exit command, because the client cleans
// up. It fails before the container has exited.
func (s *Shim) takeOverCleanup() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.exit == nil {
		return fmt.Errorf("%w: clean: container is %s", mctr.ErrState, s.phase)
	}
	s.cleaned = true
	s.handover.Broadcast()
	return nil
}
