package server

import (
	"context"
	"fmt"

	mobysignal "github.com/moby/sys/signal"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
)

// stop asks a container to end, and ends it after a while.
func (s *Server) stop(ctx context.Context, in api.Stop) (api.Termination, error) {
	id, err := in.ContainerID.ID()
	if err != nil {
		return api.Termination{}, err
	}
	status, err := s.Containers.Status(ctx, id)
	if err != nil {
		return api.Termination{}, err
	}
	sig, err := stopSignal(in.Signal, status.StopSignal)
	if err != nil {
		return api.Termination{}, err
	}
	timeout := status.Config.StopTime()
	if in.Timeout != nil {
		timeout = *in.Timeout
	}
	if timeout < 0 {
		return api.Termination{}, fmt.Errorf("%w: timeout %s", mctr.ErrInvalid, timeout)
	}
	t, err := s.Containers.Stop(ctx, id, sig, timeout)
	if err != nil {
		return api.Termination{}, err
	}
	return api.NewTermination(t), nil
}

// stopSignal is the number that was asked for, or the container's own.
func stopSignal(asked int, own string) (unix.Signal, error) {
	if asked != 0 {
		return signal(asked)
	}
	if number, err := mobysignal.ParseSignal(own); err == nil {
		return number, nil
	}
	return unix.SIGTERM, nil
}

// destroy ends a container at once.
func (s *Server) destroy(ctx context.Context, in api.ID) (api.Termination, error) {
	id, err := in.ContainerID.ID()
	if err != nil {
		return api.Termination{}, err
	}
	t, err := s.Containers.Destroy(ctx, id)
	if err != nil {
		return api.Termination{}, err
	}
	return api.NewTermination(t), nil
}

// rename gives a container another name.
func (s *Server) rename(ctx context.Context, in api.Rename) (empty, error) {
	id, err := in.ContainerID.ID()
	if err != nil {
		return empty{}, err
	}
	return empty{}, s.Containers.Rename(ctx, id, in.Name)
}

// update changes limits.
func (s *Server) update(ctx context.Context, in api.Update) (empty, error) {
	id, err := in.ContainerID.ID()
	if err != nil {
		return empty{}, err
	}
	if in.Group {
		return empty{}, s.Containers.UpdateGroup(ctx, id, in.Resources)
	}
	return empty{}, s.Containers.Update(ctx, id, in.Resources)
}
