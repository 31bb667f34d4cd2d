package agent

import (
	"context"
	"fmt"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/internal/ps"
	"github.com/mctr/mctr/provisioner"
)

// LocalContainers are the containers of a containerizer in this process.
type LocalContainers struct{ *containerizer.Containerizer }

// Containers implements [Inspector].
func (l LocalContainers) Containers(context.Context) ([]mctr.ContainerID, error) {
	return l.Containerizer.Containers()
}

// Resolve implements [Inspector].
func (l LocalContainers) Resolve(_ context.Context, ref string) (mctr.ContainerID, error) {
	return l.Containerizer.Resolve(ref)
}

// Attach implements [Streams].
func (l LocalContainers) Attach(ctx context.Context, id mctr.ContainerID, a wire.Attach) (*launcher.Stream, error) {
	status, err := l.Status(ctx, id)
	if err != nil {
		return nil, err
	}
	if status.Phase != mctr.Running && status.Phase != mctr.Paused {
		return nil, fmt.Errorf("%w: container %s is %s: only a running one can be attached to", mctr.ErrState,
			id.Short(), status.Phase)
	}
	if a.Stdin && !status.Config.Process.Stdin {
		return nil, fmt.Errorf("%w: container %s takes no input (launch it with tty_info, or process.stdin)",
			mctr.ErrState, id.Short())
	}
	return l.Containerizer.Attach(ctx, id, a)
}

// Processes implements [Inspector] with the ps(1) of this host.
func (l LocalContainers) Processes(ctx context.Context, id mctr.ContainerID, options ...string) ([]byte, error) {
	if _, err := l.Status(ctx, id); err != nil {
		return nil, err
	}
	pids, err := l.Pids(id)
	if err != nil {
		return nil, err
	}
	return ps.Table(ctx, pids, options...)
}

// A Local implements [API] in this process, with a containerizer, its image store, its networks and
// its volumes.
type Local struct {
	LocalContainers
	images   *provisioner.Provisioner
	networks *cni.Networks
	volumes  *containerizer.Volumes
	host     LocalHost
}

// NewLocal returns the API of a containerizer and of the images, networks and volumes of its
// directories. The caller closes the containerizer.
func NewLocal(c *containerizer.Containerizer, i *provisioner.Provisioner, n *cni.Networks,
	v *containerizer.Volumes, h LocalHost) *Local {
	return &Local{LocalContainers: LocalContainers{c}, images: i, networks: n, volumes: v, host: h}
}

// Images implements [API].
func (l *Local) Images() Images { return l.images }

// Networks implements [API].
func (l *Local) Networks() Networks { return localNetworks{l.networks, l.Containerizer} }

// Volumes implements [API].
func (l *Local) Volumes() Volumes { return l.volumes }

// Host implements [API].
func (l *Local) Host() Host { return l.host }

var _ API = (*Local)(nil)
