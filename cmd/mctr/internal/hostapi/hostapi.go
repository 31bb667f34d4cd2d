package hostapi

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
)

// API returns the containers that the command works on. A command that needs more than
// [agent.Containers], or files of the host, uses [Host.Containers] instead.
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

// APIForChange is API for a command that changes something. On this host it first cleans up after
// containers that exited when no process was running to do so.
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

// APIForContainer is API, and also returns the id of the container that ref names.
func (h *Host) APIForContainer(ctx context.Context, ref string) (agent.Containers, mctr.ContainerID, error) {
	c, err := h.API(ctx)
	if err != nil {
		return nil, "", err
	}
	id, err := c.Resolve(ctx, ref)
	return c, id, err
}

// APIForStatus is APIForContainer, but also returns the status of the container.
func (h *Host) APIForStatus(ctx context.Context, ref string) (agent.Containers, *mctr.Status, error) {
	c, id, err := h.APIForContainer(ctx, ref)
	if err != nil {
		return nil, nil, err
	}
	s, err := c.Status(ctx, id)
	return c, s, err
}

// ImageAPI returns the image store that the command works on.
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

// NetworkAPI returns the networks that the command works on.
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

// VolumeAPI returns the named volumes that the command works on.
func (h *Host) VolumeAPI() (agent.Volumes, error) {
	if !h.Remote() {
		return h.Local.Volumes(), nil
	}
	c, err := h.Agent.Connect()
	if err != nil {
		return nil, err
	}
	return c.Volumes(), nil
}

// HostAPI returns the part of the API that describes the host.
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

// Statuses returns the status of every container, newest first. It omits containers that are removed
// meanwhile or not yet recorded.
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
