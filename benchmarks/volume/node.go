package volume

import (
	"context"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/benchmarks/volume/work"
)

// A node is a host that runs containers with volumes.
type node interface {
	volumes() agent.Volumes
	// start starts w in a new container that has v.
	start(ctx context.Context, v mctr.Volume, w work.Work) (container, error)
	// orphan starts w in a container of another process, which is killed with SIGKILL after the first
	// answer of w. This process then takes the container over, and removes it.
	orphan(ctx context.Context, v mctr.Volume, w work.Work) (*work.Answer, error)
	// crash kills every process of the node, and forgets its mounts and its STATE, as a power cut does.
	crash(ctx context.Context) error
	// boot starts a crashed node, with the ROOT it had.
	boot(ctx context.Context) error
	// other returns another node, without any volume.
	other(ctx context.Context) (node, error)
	// close removes the containers and the node, but not the storage of its volumes.
	close(ctx context.Context) error
}

// A container does one work.
type container interface {
	// answer waits for the next answer.
	answer(ctx context.Context) (*work.Answer, error)
	// again starts the container again, after its exit.
	again(ctx context.Context) error
	// kill kills the container's process with SIGKILL and waits for its exit.
	kill(ctx context.Context) error
	remove(ctx context.Context) error
}

// named returns the mount of a named volume.
func named(v mctr.NamedVolume) mctr.Volume {
	return mctr.Volume{Type: mctr.VolumeNamed, Source: v.Name, Target: target}
}

// target is where a container has its volume.
const target = "/volume"
