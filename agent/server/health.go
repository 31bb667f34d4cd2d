package server

import (
	"context"

	"github.com/mctr/mctr/agent/api"
)

func (s *Server) getHealth(context.Context, empty) (api.Health, error) {
	return api.Health{Healthy: s.Healthy() == nil}, nil
}

func (s *Server) getVersion(context.Context, empty) (api.Version, error) {
	return api.Version{VersionInfo: s.Version}, nil
}
