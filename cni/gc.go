package cni

import (
	"context"
	"fmt"

	"github.com/containernetworking/cni/libcni"
	"github.com/containernetworking/cni/pkg/types"

	"github.com/mctr/mctr"
)

// GC asks the plugins of a network to drop what no attachment of this root
// accounts for (CNI 1.1.0). It is for networks that mctr made, and for those
// whose operator opted in by "mctr": {"gc": true} in the list: others' addresses
// lie in the same stores and would be dropped too. ADD and DEL wait meanwhile.
func (n *Networks) GC(ctx context.Context, network *Network) error {
	if network.Definition == nil || !network.Definition.GC {
		return fmt.Errorf("%w: network %s is not mctr's alone: a GC could take others' addresses (its operator can "+
			"allow it by \"mctr\": {\"gc\": true})", mctr.ErrState, network.Name)
	}
	lock, err := n.holdNetwork(ctx, network.Name)
	if err != nil {
		return err
	}
	defer lock.Unlock() // closing a lock file cannot fail usefully
	all, err := n.Attachments()
	if err != nil {
		return err // one that cannot be read may be a running container's
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
