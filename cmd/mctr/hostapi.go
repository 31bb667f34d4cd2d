package main

import (
	"context"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
)

// api gives the containers that the command is about. A verb that needs more of
// them than [agent.Containers], or their host's files, asks for a.containers instead.
func (a *app) api(ctx context.Context) (agent.Containers, error) {
	if a.remote() {
		return a.agent.connect()
	}
	c, err := a.containers(ctx)
	if err != nil {
		return nil, err
	}
	return agent.LocalContainers{Containerizer: c}, nil
}

// apiForChange is api for a command that changes something: such a command
// first cleans up after containers that ended while nobody could.
func (a *app) apiForChange(ctx context.Context) (agent.Containers, error) {
	if a.remote() {
		return a.agent.connect()
	}
	c, err := a.changing(ctx)
	if err != nil {
		return nil, err
	}
	return agent.LocalContainers{Containerizer: c}, nil
}

// apiForContainer is api, with the container that ref names.
func (a *app) apiForContainer(ctx context.Context, ref string) (agent.Containers, mctr.ContainerID, error) {
	c, err := a.api(ctx)
	if err != nil {
		return nil, "", err
	}
	id, err := c.Resolve(ctx, ref)
	return c, id, err
}

// imageAPI gives the images that the command is about.
func (a *app) imageAPI() (agent.Images, error) {
	if !a.remote() {
		return a.images()
	}
	c, err := a.agent.connect()
	if err != nil {
		return nil, err
	}
	return c.Images(), nil
}

// networkAPI gives the networks that the command is about.
func (a *app) networkAPI() (agent.Networks, error) {
	if !a.remote() {
		return agent.LocalNetworks(a.networks()), nil
	}
	c, err := a.agent.connect()
	if err != nil {
		return nil, err
	}
	return c.Networks(), nil
}

// hostAPI gives the containers' host.
func (a *app) hostAPI() (agent.Host, error) {
	if !a.remote() {
		return a.localHost(), nil
	}
	c, err := a.agent.connect()
	if err != nil {
		return nil, err
	}
	return c.Host(), nil
}

func (a *app) localHost() agent.LocalHost {
	return agent.LocalHost{Root: a.opened.Root, State: a.opened.State, PluginDirs: a.networks().PluginDirs(),
		Backend: a.opened.Backend, Version: a.version}
}
