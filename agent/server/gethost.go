package server

import (
	"context"

	"github.com/mctr/mctr/internal/doctor"
)

// getHost tells short facts of this host.
func (s *Server) getHost(context.Context, empty) (*doctor.Facts, error) {
	return s.Host.Facts(s.Version.Version, s.Backend)
}
