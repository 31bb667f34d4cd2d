package hostapi

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
)

// API gives the containers that the command is about. A verb that needs more of
// them than [agent.Containers], or their host's files, asks for [Host.Containers] instead.
func (h *Host) API(ctx context.Context) (agent.Containers, error) {
	if h.Remote() {
		return h.Agent.Connect()
	}
	c, err := h.Containers(ctx)
	if err != nil {
		return nil, err
	}
	return agent.LocalContainers{Containerizer: c}, nil
}

// APIForChange is API for a command that changes something: such a command
// first cleans up after containers that ended while no process could.
func (h *Host) APIForChange(ctx context.Context) (agent.Containers, error) {
	if h.Remote() {
		return h.Agent.Connect()
	}
	c, err := h.changing(ctx)
	if err != nil {
		return nil, err
	}
	return agent.LocalContainers{Containerizer: c}, nil
}

// APIForContainer is API, with the container that ref names.
func (h *Host) APIForContainer(ctx context.Context, ref string) (agent.Containers, mctr.ContainerID, error) {
	c, err := h.API(ctx)
	if err != nil {
		return nil, "", err
	}
	id, err := c.Resolve(ctx, ref)
	return c, id, err
}

// ImageAPI gives the images that the command is about.
func (h *Host) ImageAPI() (agent.Images, error) {
	if !h.Remote() {
		return h.Images()
	}
	c, err := h.Agent.Connect()
	if err != nil {
		return nil, err
	}
	return c.Images(), nil
}

// NetworkAPI gives the networks that the command is about.
func (h *Host) NetworkAPI() (agent.Networks, error) {
	if !h.Remote() {
		return agent.LocalNetworks(h.Networks()), nil
	}
	c, err := h.Agent.Connect()
	if err != nil {
		return nil, err
	}
	return c.Networks(), nil
}

// HostAPI gives the containers' host.
func (h *Host) HostAPI() (agent.Host, error) {
	if !h.Remote() {
		return agent.LocalHost{Root: h.Local.Root, State: h.Local.State, PluginDirs: h.Networks().PluginDirs(),
			Backend: h.Local.Backend, Version: h.Version}, nil
	}
	c, err := h.Agent.Connect()
	if err != nil {
		return nil, err
	}
	return c.Host(), nil
}

// Statuses are all containers', the newest first. One that goes meanwhile, or is
// not yet written down, is left out.
func (h *Host) Statuses(ctx context.Context, c agent.Containers) ([]*mctr.Status, error) {
	ids, err := c.Containers(ctx)
	if err != nil {
		return nil, err
	}
	var list []*mctr.Status
	for _, id := range ids {
		s, err := c.Status(ctx, id)
		if errors.Is(err, mctr.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b *mctr.Status) int {
		return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}
