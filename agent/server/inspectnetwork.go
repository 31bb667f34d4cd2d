package server

import (
	"context"

	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/cni"
)

// inspectNetwork tells everything that is known of a network.
func (s *Server) inspectNetwork(ctx context.Context, in api.NetworkName) (*cni.Details, error) {
	return s.Networks.Inspect(ctx, in.Name)
}
