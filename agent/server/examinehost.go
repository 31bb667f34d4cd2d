package server

import (
	"context"

	"github.com/mctr/mctr/agent/api"
)

// examineHost says what this host can do for containers, and what not.
func (s *Server) examineHost(ctx context.Context, _ empty) (api.Findings, error) {
	found, err := s.Host.Examine(ctx)
	return api.Findings{Findings: found}, err
}
