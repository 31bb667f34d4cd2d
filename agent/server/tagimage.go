package server

import (
	"context"

	"github.com/mctr/mctr/agent/api"
)

// tagImage gives an image one more name.
func (s *Server) tagImage(ctx context.Context, in api.Tag) (empty, error) {
	if err := checkHostImage(in.Source); err != nil {
		return empty{}, err
	}
	return empty{}, s.Images.Tag(ctx, in.Source, in.Target)
}
