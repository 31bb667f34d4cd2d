package operator

import (
	"context"
	"io"

	"github.com/mctr/mctr/cmd/mctr-agent/operator/api"
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
	return api.PathStat{Name: stat.Name(), Size: stat.Size(), Mode: stat.Mode(), Mtime: stat.ModTime(), LinkTarget: stat.LinkTarget}, nil
}

// copyFrom writes a file or directory of a container.
func copyFrom(x *exchange, in api.CopyFrom, w io.Writer) error {
	id, err := in.ContainerID.ID()
	if err != nil {
		return err
	}
	return x.Containers.CopyFrom(x.r.Context(), id, in.Path, w, containerizer.CopyOptions{Name: in.Name, FollowLink: in.FollowLink})
}

// copyTo unpacks what the call brings in a directory of a container.
func copyTo(x *exchange) error {
	in, err := arguments[api.CopyTo](x)
	if err != nil {
		return err
	}
	id, err := in.ContainerID.ID()
	if err != nil {
		return err
	}
	err = x.archive(func(r io.Reader) error {
		return x.Containers.CopyTo(x.r.Context(), id, in.Path, r, containerizer.CopyOptions{Archive: in.Archive})
	})
	if err != nil {
		return err
	}
	return x.answer(none{})
}
