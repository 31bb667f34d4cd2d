package api

import (
	"github.com/mctr/mctr/cni"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// The arguments and answers of the calls on networks.
type (
	// A NewNetwork creates a network.
	NewNetwork struct {
		Name       string         `json:"name"`
		Definition cni.Definition `json:"definition,omitzero"`
	}
	// A NetworkName names a network.
	NetworkName struct {
		Name string `json:"name"`
	}
	// Networks are all networks.
	Networks struct {
		Networks []cni.Details `json:"networks"`
		Error    *wire.Error   `json:"error,omitempty"` // about networks that cannot be read
	}
	// A NetworkCheck has the results of the plugins for the interfaces of a container.
	NetworkCheck struct {
		Interfaces []cni.CheckResult `json:"interfaces"`
	}
)
