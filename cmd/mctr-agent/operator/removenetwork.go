package operator

import (
	"context"

	"github.com/mctr/mctr/cmd/mctr-agent/operator/api"
)

// removeNetwork removes a network that nobody is attached to.
func (s *Server) removeNetwork(_ context.Context, in api.NetworkName) (empty, error) {
	return empty{}, s.Networks.Remove(in.Name)
}
