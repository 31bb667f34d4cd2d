package operator

import (
	"context"

	"github.com/mctr/mctr/cmd/mctr-agent/operator/api"
)

// tagImage gives an image one more name.
func (s *Server) tagImage(ctx context.Context, in api.Tag) (none, error) {
	if err := onThisHost(in.Source); err != nil {
		return none{}, err
	}
	return none{}, s.Images.Tag(ctx, in.Source, in.Target)
}
