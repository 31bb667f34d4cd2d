package server

import (
	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/containerizer"
)

// execContainer runs one more command in a container. Its streams are the
// connection's, with which it dies; a detached one lives with the container.
func execContainer(x *exchange) error {
	in, err := arguments[api.Exec](x)
	if err != nil {
		return err
	}
	id, err := in.ContainerID.ID()
	if err != nil {
		return err
	}
	if !in.Detach {
		if err := x.asksUpgrade(); err != nil {
			return err
		}
	}
	stream, err := x.Containers.Exec(x.r.Context(), id, containerizer.Exec{
		Args: in.Args, Env: in.Env, WorkingDir: in.WorkingDir, User: in.User,
		Terminal: in.Terminal, ConsoleSize: in.ConsoleSize, Stdin: in.Stdin, Detach: in.Detach,
	})
	if err != nil {
		return err
	}
	if !in.Detach {
		return x.upgrade(stream)
	}
	defer stream.Close()
	return x.answer(empty{})
}
