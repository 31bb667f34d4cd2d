package agent

import (
	"context"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/internal/doctor"
)

// A Host answers questions about the host of containers.
type Host interface {
	// Facts returns the host's kernel, size and directories.
	Facts(ctx context.Context) (*mctr.HostFacts, error)
	// Examine returns what the host can do for containers and what it cannot, with the
	// remedy for each gap.
	Examine(ctx context.Context) ([]mctr.Finding, error)
}

// A LocalHost is this host.
type LocalHost struct {
	Root, State string   // mctr's directories
	PluginDirs  []string // of CNI plugins
	Backend     string   // of images; "": the one that works here
	Version     string   // of this program
}

// Facts implements [Host].
func (h LocalHost) Facts(context.Context) (*mctr.HostFacts, error) {
	return h.doctor().Facts(h.Version, h.Backend)
}

// Examine implements [Host].
func (h LocalHost) Examine(context.Context) ([]mctr.Finding, error) {
	return doctor.Examine(h.doctor()), nil
}

func (h LocalHost) doctor() doctor.Host {
	return doctor.Host{Root: h.Root, State: h.State, PluginDirs: h.PluginDirs,
		Programs: containerizer.FindPrograms(), Shim: containerizer.ExamineShim}
}
