package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/provisioner/puller"
)

// launchContainer runs a container. The agent watches it: its health and restart
// policy are the agent's to see to, and it cleans up after it.
func launchContainer(x *exchange) error {
	in, err := arguments[api.Launch](x)
	if err != nil {
		return err
	}
	return x.launch(&in)
}

// launchNested is launchContainer in Mesos' older words.
func launchNested(x *exchange) error {
	in, err := arguments[api.LaunchNested](x)
	if err != nil {
		return err
	}
	if in.ContainerID.Parent == nil {
		return fmt.Errorf("%w: container_id: a nested container has a parent", mctr.ErrInvalid)
	}
	return x.launch(&api.Launch{ContainerID: in.ContainerID, Command: in.Command, Container: in.Container})
}

func (x *exchange) launch(in *api.Launch) error {
	id, config, err := x.parseLaunch(in)
	if err != nil {
		return err
	}
	options := containerizer.LaunchOptions{ConsoleSize: in.FirstSize()}
	if in.Mctr != nil {
		options.Attach = in.Mctr.Attach
	}
	return x.start(options, func(ctx context.Context, o containerizer.LaunchOptions) (*launcher.Stream, error) {
		x.forget(id)
		stream, err := x.Containers.Launch(ctx, id, config, o)
		return stream, x.launchError(ctx, id, err)
	})
}

// parseLaunch reads what is to be launched.
func (s *Server) parseLaunch(in *api.Launch) (mctr.ContainerID, *mctr.ContainerConfig, error) {
	id, err := in.ContainerID.ID()
	if err != nil {
		return "", nil, err
	}
	config, err := in.Config()
	if err != nil {
		return "", nil, err
	}
	return id, config, s.checkAllowed(config)
}

// checkAllowed refuses what is another's to say.
func (s *Server) checkAllowed(config *mctr.ContainerConfig) error {
	if config.Owner != "" && config.Owner != s.Owner {
		return fmt.Errorf("%w: mctr.config.owner: this agent's containers are owned by %q", mctr.ErrInvalid, s.Owner)
	}
	return checkHostImage(config.Image)
}

// checkHostImage refuses an image by a relative path: it would count from wherever the
// agent runs.
func checkHostImage(image string) error {
	r, err := puller.Parse(image)
	if err != nil || r.Kind == puller.Registry {
		return nil // what it is, the launch says
	}
	if !strings.HasPrefix(image, string(r.Kind)+":/") {
		return fmt.Errorf("%w: image %s: a path on the agent's host is absolute", mctr.ErrInvalid, image)
	}
	return nil
}

// launchError turns an error into Mesos' answers: an id that runs is no failure,
// and what a launch does not find was asked for wrongly.
func (s *Server) launchError(ctx context.Context, id mctr.ContainerID, err error) error {
	switch {
	case errors.Is(err, mctr.ErrExists):
		status, statusErr := s.Containers.Status(ctx, id)
		if statusErr == nil && (running(status.Phase) || status.Phase.Launching()) {
			return errLaunched
		}
		if statusErr == nil {
			return fmt.Errorf("%w: it is %s (remove it, or choose another id)", err, status.Phase)
		}
	case errors.Is(err, mctr.ErrNotFound), errors.Is(err, mctr.ErrState):
		return statusError{http.StatusBadRequest, err}
	}
	return err
}
