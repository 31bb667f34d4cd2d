package server

import (
	"context"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
)

// kill sends a signal to the container's, or session's, first process.
func (s *Server) kill(ctx context.Context, in api.Kill) (empty, error) {
	id, err := in.ContainerID.ID()
	if err != nil {
		return empty{}, err
	}
	sig := unix.SIGKILL
	if in.Signal != nil {
		if sig, err = signal(*in.Signal); err != nil {
			return empty{}, err
		}
	}
	if session := s.sessions.find(id); session != nil {
		return empty{}, session.kill(sig)
	}
	return empty{}, s.Containers.Kill(ctx, id, sig)
}

// lastSignal is Linux's (signal(7)).
const lastSignal = 64

func signal(number int) (unix.Signal, error) {
	if number < 1 || number > lastSignal {
		return 0, fmt.Errorf("%w: signal %d: want 1 to %d", mctr.ErrInvalid, number, lastSignal)
	}
	return unix.Signal(number), nil
}
