package cni

import (
	"context"
	"fmt"

	"github.com/containernetworking/cni/libcni"
	"github.com/containernetworking/cni/pkg/types"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/flock"
)

// GC asks the plugins of a network to release everything that belongs to no attachment of this root
// (CNI 1.1.0). It is allowed for networks that mctr made, and for those whose operator opted in
// with "mctr": {"gc": true} in the list: in other networks it would also release the addresses of
// other users of the same stores. ADD and DEL wait while it runs.
func (n *Networks) GC(ctx context.Context, network *Network) error {
	if network.Definition == nil || !network.Definition.GC {
		return fmt.Errorf("%w: network %s is not mctr's alone: a GC could release addresses of others (its operator "+
			"can allow it by \"mctr\": {\"gc\": true})", mctr.ErrState, network.Name)
	}
	lock, err := n.lockNetwork(ctx, network.Name, flock.Exclusive)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	all, err := n.Attachments()
	if err != nil {
		return err // an unreadable record may belong to a running container
	}
	args := &libcni.GCArgs{ValidAttachments: []types.GCAttachment{}}
	for _, a := range all {
		if a.Network == network.Name {
			args.ValidAttachments = append(args.ValidAttachments,
				types.GCAttachment{ContainerID: a.ID, IfName: a.Interface})
		}
	}
	return n.plugins(&executor{}).GCNetworkList(ctx, network.List(), args)
}
