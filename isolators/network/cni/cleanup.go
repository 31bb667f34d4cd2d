package cni

import (
	"context"
	"slices"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni"
)

// Cleanup detaches the container from its networks. A plugin that fails does not hold up the
// container's release: the attachment stays recorded, reconcile reports it, and a later Cleanup
// tries again. Cleanup also repeats earlier DELs that are due. The container's files are removed
// with its other records.
func (i *isolator) Cleanup(ctx context.Context, h mctr.Handle) error {
	id := h.ID
	attachments, _ := i.networks.AttachmentsOf(id)
	err := i.networks.Detach(ctx, id)
	if len(attachments) > 0 {
		i.networks.RetryDue(ctx)
	}
	if len(attachments) > 0 && i.recorded(attachments) {
		i.networks.Warn("a network is still attached to a container that has exited", "container", id, "error", err)
		err = nil
	}
	_ = i.CgroupBase.Cleanup(ctx, h) // closing the meter's files cannot fail
	return err
}

// recorded reports whether the record of each remaining attachment has the reason of the failure.
func (i *isolator) recorded(attachments []*cni.Attachment) bool {
	left, err := i.networks.AttachmentsOf(attachments[0].Container)
	return err == nil && len(left) > 0 &&
		!slices.ContainsFunc(left, func(a *cni.Attachment) bool { return a.Failure == "" })
}
