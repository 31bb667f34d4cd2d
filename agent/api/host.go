package api

import (
	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// The arguments and answers of the calls on the agent's host.
type (
	// Findings are the features for containers that a host has and lacks.
	Findings struct {
		Findings []mctr.Finding `json:"findings"`
	}
	// A Reconciliation removes leftovers.
	Reconciliation struct {
		DryRun bool `json:"dry_run,omitempty"` // only list the leftovers
	}
	// Leftovers are the leftovers that were found.
	Leftovers struct {
		Leftovers []mctr.Leftover `json:"leftovers"`
		Error     *wire.Error     `json:"error,omitempty"` // about what could not be examined or removed
	}
)
