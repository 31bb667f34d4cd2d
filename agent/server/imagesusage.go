package server

import (
	"context"

	"github.com/mctr/mctr/provisioner"
)

// imagesUsage is what the store takes on disk.
func (s *Server) imagesUsage(ctx context.Context, _ empty) (provisioner.Usage, error) {
	return s.Images.Usage(ctx)
}
