package server

import (
	"io"

	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/containerizer"
)

// copyFrom writes a file or directory of a container.
func copyFrom(x *exchange, in api.CopyFrom, w io.Writer) error {
	id, err := in.ContainerID.ID()
	if err != nil {
		return err
	}
	return x.Containers.CopyFrom(x.r.Context(), id, in.Path, w,
		containerizer.CopyOptions{Name: in.Name, FollowLink: in.FollowLink})
}
