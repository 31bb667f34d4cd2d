package server

import (
	"context"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
)

// ends are those of the agent's containers that no client has acknowledged.
func (s *Server) ends(ctx context.Context, _ empty) (*mctr.Ends, error) {
	return s.Containers.Ends(ctx)
}

func (s *Server) acknowledge(ctx context.Context, in api.Acknowledgement) (empty, error) {
	return empty{}, s.Containers.Acknowledge(ctx, in.Keys...)
}
