package server

import (
	"io"

	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/containerizer"
)

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
	return x.answer(empty{})
}
