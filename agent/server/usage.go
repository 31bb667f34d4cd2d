package server

import (
	"context"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/containerizer"
)

// usage is what a running container consumes.
func (s *Server) usage(ctx context.Context, in api.ID) (*mctr.Usage, error) {
	id, err := in.ContainerID.ID()
	if err != nil {
		return nil, err
	}
	return s.Containers.Usage(ctx, id)
}

// diskUsage is what a container takes on disk.
func (s *Server) diskUsage(ctx context.Context, in api.ID) (containerizer.DiskUsage, error) {
	id, err := in.ContainerID.ID()
	if err != nil {
		return containerizer.DiskUsage{}, err
	}
	return s.Containers.DiskUsage(ctx, id)
}

// processes is what ps(1) says of a container's processes.
func (s *Server) processes(ctx context.Context, in api.Processes) (api.Table, error) {
	id, err := in.ContainerID.ID()
	if err != nil {
		return api.Table{}, err
	}
	text, err := agent.LocalContainers{Containerizer: s.Containers}.Processes(ctx, id, in.Options...)
	return api.Table{Text: string(text)}, err
}
