package operator

import (
	"context"

	"github.com/mctr/mctr/cmd/mctr-agent/operator/api"
)

// create records a container without running it.
func (s *Server) create(ctx context.Context, in api.Launch) (none, error) {
	id, config, err := s.asked(&in)
	if err != nil {
		return none{}, err
	}
	return none{}, s.Containers.Create(ctx, id, config, nil)
}
