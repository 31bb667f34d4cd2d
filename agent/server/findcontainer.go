package server

import (
	"context"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
)

// find gives the id of the container that is named, or whose id begins like this.
func (s *Server) find(_ context.Context, in api.Find) (api.Found, error) {
	id, err := s.Containers.Resolve(in.Name)
	if err != nil {
		return api.Found{}, err
	}
	return api.Found{ContainerID: api.NewContainerID(id)}, nil
}

// inspect tells everything that is known of a container.
func (s *Server) inspect(ctx context.Context, in api.ID) (*mctr.Status, error) {
	id, err := in.ContainerID.ID()
	if err != nil {
		return nil, err
	}
	return s.Containers.Status(ctx, id)
}
