package server

import (
	"context"

	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/internal/doctor"
)

// examineHost says what this host can do for containers, and what not.
func (s *Server) examineHost(context.Context, empty) (api.Findings, error) {
	return api.Findings{Findings: doctor.Examine(s.Host)}, nil
}
