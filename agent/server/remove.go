package server

import (
	"context"
	"errors"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
)

// remove removes what is left of a container, or session, that has ended.
func (s *Server) remove(ctx context.Context, in api.Remove) (empty, error) {
	id, err := in.ContainerID.ID()
	if err != nil {
		return empty{}, err
	}
	if s.sessions.find(id) != nil {
		return empty{}, s.sessions.remove(id)
	}
	if err = s.Containers.Remove(ctx, id, in.Force); err == nil {
		s.sessions.leave(id)
	}
	if s.forget(id) && errors.Is(err, mctr.ErrNotFound) {
		err = nil // it had removed itself
	}
	return empty{}, err
}
