package server

import (
	"context"

	"github.com/mctr/mctr"
)

// getHost tells short facts of this host.
func (s *Server) getHost(ctx context.Context, _ empty) (*mctr.HostFacts, error) {
	return s.Host.Facts(ctx)
}
