package server

import (
	"context"
	"fmt"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// attachContainer gives the connection a container's streams.
func attachContainer(x *exchange) error {
	in, err := arguments[api.Attach](x)
	if err != nil {
		return err
	}
	id, err := in.ContainerID.ID()
	if err != nil {
		return err
	}
	if err := x.asksUpgrade(); err != nil {
		return err
	}
	stream, err := x.attach(x.r.Context(), id, in.Attach)
	if err != nil {
		return err
	}
	return x.upgrade(stream)
}

// attach joins the streams of a container that runs.
func (s *Server) attach(ctx context.Context, id mctr.ContainerID, a wire.Attach) (*launcher.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, quickTime)
	defer cancel()
	status, err := s.Containers.Status(ctx, id)
	if err != nil {
		return nil, err
	}
	if !running(status.Phase) {
		return nil, fmt.Errorf("%w: container %s is %s: only a running one can be attached to", mctr.ErrState,
			id.Short(), status.Phase)
	}
	if a.Stdin && !status.Config.Process.Stdin {
		return nil, fmt.Errorf("%w: container %s takes no input (launch it with tty_info, or process.stdin)",
			mctr.ErrState, id.Short())
	}
	return s.Containers.Attach(ctx, id, a)
}

func errSessionOutput(id mctr.ContainerID) error {
	return fmt.Errorf("%w: the output of session %s goes to the call that launched it", mctr.ErrState, id)
}
