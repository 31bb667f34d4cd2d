package server

import (
	"context"
	"fmt"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/containerizer"
)

// launchGroup runs tasks that live and die together. The agent watches each.
func (s *Server) launchGroup(ctx context.Context, in api.LaunchedGroup) (empty, error) {
	id, err := in.ContainerID.ID()
	if err != nil {
		return empty{}, err
	}
	if in.Group == nil {
		return empty{}, fmt.Errorf("%w: group is missing", mctr.ErrInvalid)
	}
	if err := s.checkAllowed(&in.Group.Root); err != nil {
		return empty{}, err
	}
	for _, name := range in.Group.Names() {
		task := in.Group.Tasks[name]
		if err := s.checkAllowed(&task); err != nil {
			return empty{}, fmt.Errorf("task %s: %w", name, err)
		}
	}
	s.forget(id)
	err = s.Containers.LaunchGroup(ctx, id, in.Group, containerizer.LaunchOptions{})
	return empty{}, s.launchError(ctx, id, err)
}
