package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/logs"
)

// getContainers lists containers as Mesos does: those that run, without nested
// ones unless they are asked for.
func (s *Server) getContainers(ctx context.Context, in api.List) (api.Containers, error) {
	found := api.Containers{Containers: []api.Container{}}
	if in.ShowStandalone != nil && !*in.ShowStandalone {
		return found, nil // all are
	}
	ids, err := s.Local.Containers(ctx)
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
	status, err := s.Local.Status(ctx, id)
	if err != nil {
		return api.Container{}, err
	}
	name := api.NewContainerID(id)
	c := api.Container{ContainerID: name,
		ContainerStatus: api.ContainerStatus{ContainerID: name, ExecutorPid: status.Pid}, Mctr: status}
	if !running(status.Phase) {
		return c, nil
	}
	u, err := s.Local.Usage(ctx, id)
	if err == nil { // as in Mesos, a container without statistics is listed all the same
		c.ResourceStatistics = api.NewStatistics(u)
	}
	return c, nil
}

// find returns the id of the container with a name, or with an id that begins so.
func (s *Server) find(ctx context.Context, in api.Find) (api.Found, error) {
	id, err := s.Local.Resolve(ctx, in.Name)
	return api.Found{ContainerID: api.NewContainerID(id)}, err
}

func (s *Server) processes(ctx context.Context, in api.Processes) (api.Table, error) {
	text, err := s.Local.Processes(ctx, in.ContainerID.ID(), in.Options...)
	return api.Table{Text: string(text)}, err
}

// dryRun is what a launch would hand the engine.
func (s *Server) dryRun(ctx context.Context, in api.DryRun) (*specs.Spec, error) {
	if in.Config == nil {
		return nil, fmt.Errorf("%w: config is missing", mctr.ErrInvalid)
	}
	if err := s.checkAllowed(in.Config); err != nil {
		return nil, err
	}
	return s.Local.DryRun(ctx, in.Config)
}

// ends are those of the agent's containers that no client has acknowledged.
func (s *Server) ends(ctx context.Context, _ empty) (*mctr.Ends, error) {
	return s.Local.Ends(ctx)
}

func (s *Server) acknowledge(ctx context.Context, in api.Acknowledgement) (empty, error) {
	return empty{}, s.Local.Acknowledge(ctx, in.Keys...)
}

// watchEvents streams what happened to containers, by whatever process, and with follow
// what happens.
func watchEvents(x *exchange, in mctr.EventOptions, out *output) error {
	if err := out.begin(); err != nil {
		return err
	}
	for e, err := range x.Local.Events(x.r.Context(), in) {
		if err != nil {
			return err
		}
		if err := out.send(api.StreamMessage{Event: &e}); err != nil {
			return err
		}
	}
	return nil
}

// readLogs streams what a container printed, and with follow prints.
func readLogs(x *exchange, in api.Logs, out *output) error {
	o := logs.ReadOptions{Follow: in.Follow, Since: in.Since, Until: in.Until, Tail: -1}
	if in.Tail != nil {
		o.Tail = *in.Tail
	}
	id := in.ContainerID.ID()
	if _, err := x.Local.Status(x.r.Context(), id); err != nil {
		return err
	}
	if o.Follow {
		if err := out.begin(); err != nil {
			return err
		}
	}
	return x.Local.Logs(x.r.Context(), id, o, func(e logs.Entry) error {
		entry := api.Entry{Time: e.Time, Text: bytes.Clone(e.Text), Partial: e.Partial, Gap: e.Gap, Removed: e.Removed}
		if !e.Gap {
			entry.Stream = streamNames[e.Stream]
		}
		return out.send(api.StreamMessage{Entry: &entry})
	})
}

var streamNames = map[logs.Stream]string{logs.Stdout: "stdout", logs.Stderr: "stderr"}
