package api

import (
	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// The arguments and answers of the calls on the agent's host.
type (
	// Findings are what a host can do, and what not.
	Findings struct {
		Findings []mctr.Finding `json:"findings"`
	}
	// A Reconciliation undoes what no container accounts for.
	Reconciliation struct {
		DryRun bool `json:"dry_run,omitempty"` // only say what there is
	}
	// Leftovers are what there was.
	Leftovers struct {
		Leftovers []mctr.Leftover `json:"leftovers"`
		Error     *wire.Error     `json:"error,omitempty"` // of what could not be looked at, or undone
	}
)
