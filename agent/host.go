package agent

import (
	"context"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/internal/doctor"
)

// A Host describes the host that containers run on.
type Host interface {
	// Facts returns the host's kernel, size and directories.
	Facts(ctx context.Context) (*mctr.HostFacts, error)
	// Examine returns which features for containers the host has and which it lacks, with a remedy
	// for each missing one.
	Examine(ctx context.Context) ([]mctr.Finding, error)
}

// A LocalHost describes the host that this process runs on.
type LocalHost struct {
	Root, State string   // mctr's directories
	PluginDirs  []string // directories of CNI plugins
	Backend     string   // backend of the image store; "" chooses one that works on this host
	Version     string   // version of this program
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
