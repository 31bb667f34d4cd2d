package api

import (
	"github.com/mctr/mctr/cni"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// The arguments and answers of the calls on networks.
type (
	// A NewNetwork is one to be made.
	NewNetwork struct {
		Name       string         `json:"name"`
		Definition cni.Definition `json:"definition,omitzero"`
	}
	// A NetworkName names a network.
	NetworkName struct {
		Name string `json:"name"`
	}
	// Networks are all that there are.
	Networks struct {
		Networks []cni.Details `json:"networks"`
		Error    *wire.Error   `json:"error,omitempty"` // of those that cannot be read
	}
	// A NetworkCheck is what plugins say of a container's interfaces.
	NetworkCheck struct {
		Interfaces []cni.CheckResult `json:"interfaces"`
	}
)
