package server

import (
	"context"
	"errors"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
)

// getContainers lists containers as Mesos does: those that run, without nested
// ones unless they are asked for.
func (s *Server) getContainers(ctx context.Context, in api.List) (api.Containers, error) {
	found := api.Containers{Containers: []api.Container{}}
	if in.ShowStandalone != nil && !*in.ShowStandalone {
		return found, nil // all are
	}
	ids, err := s.Containers.Containers()
	if err != nil {
		return found, err
	}
	for _, id := range ids {
		if id.Parent() != "" && !in.ShowNested {
			continue
		}
		c, err := s.container(ctx, id)
		if errors.Is(err, mctr.ErrNotFound) {
			continue // it went meanwhile, or is not yet written down
		}
		if err != nil {
			return found, err
		}
		if in.ShowEnded || running(c.Mctr.Phase) || c.Mctr.Phase == mctr.Damaged || c.Mctr.Phase.Launching() {
			found.Containers = append(found.Containers, c)
		}
	}
	if in.ShowNested {
		found.Containers = append(found.Containers, s.sessions.list()...)
	}
	return found, nil
}

func running(p mctr.Phase) bool { return p == mctr.Running || p == mctr.Paused }

// container is what is known of one, with what it consumes if it runs.
func (s *Server) container(ctx context.Context, id mctr.ContainerID) (api.Container, error) {
	status, err := s.Containers.Status(ctx, id)
	if err != nil {
		return api.Container{}, err
	}
	name := api.NewContainerID(id)
	c := api.Container{ContainerID: name,
		ContainerStatus: api.ContainerStatus{ContainerID: name, ExecutorPid: status.Pid}, Mctr: status}
	if !running(status.Phase) {
		return c, nil
	}
	u, err := s.Containers.Usage(ctx, id)
	if err == nil { // as in Mesos, a container without statistics is listed all the same
		c.ResourceStatistics = api.NewStatistics(u)
	}
	return c, nil
}
