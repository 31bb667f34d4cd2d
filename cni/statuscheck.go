package cni

import (
	"context"
	"errors"
	"fmt"

	"github.com/containernetworking/cni/libcni"
	"github.com/containernetworking/cni/pkg/types"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni/networks"
	"github.com/mctr/mctr/internal/flock"
)

// ensureReady asks for STATUS unless the network's present configuration has passed before. A
// network older than CNI 1.1.0 has no STATUS and passes.
func (n *Networks) ensureReady(ctx context.Context, network *Network) error {
	key := network.Name + "\x00" + string(network.Bytes())
	if _, known := n.ready.Load(key); known {
		return nil
	}
	if err := n.Status(ctx, network); err != nil {
		return err
	}
	n.ready.Store(key, true)
	return nil
}

// Status asks the plugins whether they can serve an ADD. The error wraps mctr.ErrUnavailable.
func (n *Networks) Status(ctx context.Context, network *Network) error {
	err := n.plugins(&executor{}).GetStatusNetworkList(ctx, network.List())
	if err == nil {
		return nil
	}
	if answer, ok := errors.AsType[*types.Error](err); ok &&
		(answer.Code == types.ErrPluginNotAvailable || answer.Code == types.ErrLimitedConnectivity) {
		return fmt.Errorf("%w: network %s is not ready: %w", mctr.ErrUnavailable, network.Name, err)
	}
	return fmt.Errorf("%w: network %s, STATUS: %w", mctr.ErrUnavailable, network.Name, err)
}

// Check asks the plugins whether an attachment is still as ADD left it (CNI 0.4.0). It succeeds for
// a network whose version has no CHECK, or whose operator has disabled it.
func (n *Networks) Check(ctx context.Context, a *Attachment) error {
	list, err := networks.Parse(a.Config)
	if err != nil {
		return err
	}
	if a.State != Attached {
		return fmt.Errorf("%w: %s of network %s is %s", mctr.ErrState, a.Interface, a.Network, a.State)
	}
	lock, err := n.lockNetwork(ctx, a.Network, flock.Shared)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	if err := n.plugins(&executor{}, a.PluginDirs...).CheckNetworkList(ctx, list.List(),
		n.conf(a, n.Namespace(a.Container))); err != nil && !errors.Is(err, libcni.ErrorCheckNotSupp) {
		return fmt.Errorf("%s of network %s is not as it was made: %w", a.Interface, a.Network, err)
	}
	return nil
}
