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

// getContainers lists containers as Mesos does: only running ones, and nested ones only on request.
func (s *Server) getContainers(ctx context.Context, in api.List) (api.Containers, error) {
	found := api.Containers{Containers: []api.Container{}}
	if in.ShowStandalone != nil && !*in.ShowStandalone {
		return found, nil // every container is standalone
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
			continue // removed meanwhile, or not yet recorded
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

// container returns the entry of a container in the list, with its resource usage if it is running.
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

// find returns the id of a container, given its name, id or the start of its id.
func (s *Server) find(ctx context.Context, in api.Find) (api.Found, error) {
	id, err := s.Local.Resolve(ctx, in.Name)
	return api.Found{ContainerID: api.NewContainerID(id)}, err
}

func (s *Server) processes(ctx context.Context, in api.Processes) (api.Table, error) {
	text, err := s.Local.Processes(ctx, in.ContainerID.ID(), in.Options...)
	return api.Table{Text: string(text)}, err
}

// dryRun returns the OCI spec that a launch would give to the engine.
func (s *Server) dryRun(ctx context.Context, in api.DryRun) (*specs.Spec, error) {
	if in.Config == nil {
		return nil, fmt.Errorf("%w: config is missing", mctr.ErrInvalid)
	}
	if err := s.checkAllowed(in.Config); err != nil {
		return nil, err
	}
	return s.Local.DryRun(ctx, in.Config)
}

// ends returns the terminations of the agent's containers that no client has acknowledged.
func (s *Server) ends(ctx context.Context, _ empty) (*mctr.Ends, error) {
	return s.Local.Ends(ctx)
}

func (s *Server) acknowledge(ctx context.Context, in api.Acknowledgement) (empty, error) {
	return empty{}, s.Local.Acknowledge(ctx, in.Keys...)
}

// watchEvents streams past events of containers, whichever process caused them, and with follow also
// new events.
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

// readLogs streams the log of a container, and with follow also new lines.
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
