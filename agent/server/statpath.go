package server

import (
	"context"

	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/containerizer"
)

// statPath looks at a path in a container's filesystem.
func (s *Server) statPath(ctx context.Context, in api.Stat) (api.PathStat, error) {
	id, err := in.ContainerID.ID()
	if err != nil {
		return api.PathStat{}, err
	}
	stat, err := s.Containers.StatPath(ctx, id, in.Path, containerizer.CopyOptions{FollowLink: in.FollowLink})
	if err != nil {
		return api.PathStat{}, err
	}
	return api.PathStat{Name: stat.Name(), Size: stat.Size(), Mode: stat.Mode(), Mtime: stat.ModTime(),
		LinkTarget: stat.LinkTarget}, nil
}
