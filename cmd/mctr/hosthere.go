package main

import (
	"context"

	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/internal/doctor"
)

// hostHere is this host.
type hostHere struct {
	doctor.Host
	backend string
}

func (h hostHere) Facts(context.Context) (*doctor.Facts, error) {
	return h.Host.Facts(version, h.backend)
}

func (h hostHere) Examine(context.Context) ([]doctor.Finding, error) {
	return doctor.Examine(h.Host), nil
}

// reachHost is reach for the host itself.
func (a *app) reachHost() (hostFacts, error) {
	if a.remote() {
		return a.reachAgentHost()
	}
	h := doctor.Host{Root: a.root, State: a.state, PluginDirs: a.networks().PluginDirs(), Programs: containerizer.FindPrograms()}
	return hostHere{h, a.backend}, nil
}

func (a *app) reachAgentHost() (hostFacts, error) {
	c, err := a.agent.connect()
	if err != nil {
		return nil, err
	}
	return c.Host(), nil
}
