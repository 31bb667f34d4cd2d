package server

import (
	"context"

	"github.com/mctr/mctr/agent/api"
)

// wait answers when the container, or session, has ended, however often it is
// asked.
func (s *Server) wait(ctx context.Context, in api.ID) (api.Termination, error) {
	id, err := in.ContainerID.ID()
	if err != nil {
		return api.Termination{}, err
	}
	if session := s.sessions.find(id); session != nil {
		t, err := session.wait(ctx)
		if err != nil {
			return api.Termination{}, err
		}
		return api.NewTermination(t), nil
	}
	t, err := s.Containers.Wait(ctx, id)
	if err != nil {
		t, err = s.recovered(id, err)
	}
	if err != nil {
		return api.Termination{}, err
	}
	return api.NewTermination(t), nil
}
