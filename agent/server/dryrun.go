package server

import (
	"context"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
)

// dryRun is what a launch would hand the engine.
func (s *Server) dryRun(ctx context.Context, in api.DryRun) (*specs.Spec, error) {
	if in.Config == nil {
		return nil, fmt.Errorf("%w: config is missing", mctr.ErrInvalid)
	}
	if err := s.checkAllowed(in.Config); err != nil {
		return nil, err
	}
	return s.Containers.DryRun(ctx, in.Config)
}
