package lifecycle

import (
	"context"
	"errors"
	"fmt"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/csi"
	"github.com/mctr/mctr/csi/rpc"
)

// unpublish takes a volume from a container. A volume or container without a record needs nothing.
func (w *work) unpublish(ctx context.Context) (*csi.Answer, error) {
	v, err := w.open(ctx)
	if rpc.IsKind(err, csi.KindNotFound) {
		return nil, w.checkNoOrphan()
	}
	if err != nil {
		return nil, err
	}
	defer v.close()
	if !v.r.InUse() {
		return nil, nil
	}
	if err := w.negotiate(ctx); err != nil {
		return nil, err
	}
	if err := v.unpublishOne(ctx, w.request.Container); err != nil {
		return nil, err
	}
	return nil, v.release(ctx)
}

// unpublishOne undoes the publication to one container, and drops its reference once the target is
// gone.
func (v *volume) unpublishOne(ctx context.Context, container mctr.ContainerID) error {
	reference := v.r.References[container]
	if reference == nil {
		return nil
	}
	if reference.Step != "" { // else the call was never made
		reference.Step = csi.Undoing
		if err := v.write("unpublishing"); err != nil {
			return err
		}
		if err := called("unpublish", v.nodeUnpublish(ctx, reference.Target)); err != nil {
			return err
		}
	}
	if err := removeEmpty(reference.Target); err != nil {
		return err
	}
	delete(v.r.References, container)
	return v.writeUnlessReleasing("unpublished")
}

// writeUnlessReleasing writes the record after a step back, unless the next step back does so at once.
func (v *volume) writeUnlessReleasing(point string) error {
	if len(v.r.References) == 0 && (v.r.Staging != nil || v.r.Attachment != nil) {
		return nil
	}
	return v.write(point)
}

// nodeUnpublish makes the call, and fails unless the target is no longer mounted. A plugin that does
// not know the volume has nothing to undo.
func (v *volume) nodeUnpublish(ctx context.Context, target string) error {
	err := v.conn.NodeUnpublish(ctx, v.r, target)
	if err != nil && !rpc.IsKind(err, csi.KindNotFound) {
		return err
	}
	return v.checkUnmounted("NodeUnpublishVolume", target, err)
}

// checkUnmounted fails if path is still mounted after a call that should have unmounted it.
func (v *volume) checkUnmounted(name, path string, cause error) error {
	table, err := readMounts()
	if err != nil {
		return err
	}
	if table.at(path) == nil {
		return nil
	}
	return errors.Join(&csi.Error{Kind: csi.KindPlugin, Call: name, Volume: v.r.Volume.String(),
		Message: fmt.Sprintf("the plugin says that it has finished, but %s is still mounted", path)}, cause)
}

// release unstages and detaches a volume that no container uses. The caller has rebuilt the references
// from mountinfo: a mount that the record lacked counts.
func (v *volume) release(ctx context.Context) error {
	if len(v.r.References) > 0 {
		return nil
	}
	had := v.r.InUse()
	if err := v.unstage(ctx); err != nil {
		return err
	}
	if err := v.detach(ctx); err != nil {
		return err
	}
	if !had {
		return nil
	}
	v.durable = v.r.Attachment == nil && v.have.Controller(rpc.Publish)
	return v.write("released")
}

// unstage undoes stage.
func (v *volume) unstage(ctx context.Context) error {
	if v.r.Staging == nil {
		return nil
	}
	v.r.Staging.Step = csi.Undoing
	if err := v.write("unstaging"); err != nil {
		return err
	}
	path := v.r.Staging.Path
	err := v.conn.Unstage(ctx, v.r)
	if err != nil && !rpc.IsKind(err, csi.KindNotFound) {
		return err
	}
	if err := called("unstage", v.checkUnmounted("NodeUnstageVolume", path, err)); err != nil {
		return err
	}
	if err := removeEmpty(path); err != nil {
		return err
	}
	v.r.Staging = nil
	return nil
}

// detach undoes attach.
func (v *volume) detach(ctx context.Context) error {
	if v.r.Attachment == nil && v.found && v.have.Controller(rpc.Publish) {
		node, err := v.thisNode(ctx)
		if err != nil {
			return err
		}
		v.r.Attachment = &csi.Attachment{Node: node.id} // what is mounted here was attached
	}
	if v.r.Attachment == nil {
		return nil
	}
	v.r.Attachment.Step, v.durable = csi.Undoing, true
	if err := v.write("detaching"); err != nil {
		return err
	}
	// A plugin that does not know the volume, or the node, has it not attached.
	if err := v.conn.ControllerUnpublish(ctx, v.r); err != nil && !rpc.IsKind(err, csi.KindNotFound) {
		return err
	}
	if err := called("detach", nil); err != nil {
		return err
	}
	v.r.Attachment, v.durable = nil, true
	return nil
}
