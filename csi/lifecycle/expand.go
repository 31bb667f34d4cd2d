package lifecycle

import (
	"context"
	"errors"
	"fmt"

	"github.com/mctr/mctr/csi"
	"github.com/mctr/mctr/csi/rpc"
)

// expand makes a volume larger: by the controller, and then on this node, now if the volume is in use
// here, or else with its next use.
func (w *work) expand(ctx context.Context) (*csi.Answer, error) {
	v, err := w.open(ctx)
	if err != nil {
		return nil, err
	}
	defer v.close()
	if err := w.negotiate(ctx); err != nil {
		return nil, err
	}
	if err := v.canExpand(w.request.Size); err != nil {
		return nil, err
	}
	if err := v.decideMode(); err != nil {
		return nil, err
	}
	if err := v.expandController(ctx, w.request.Size); err != nil {
		return nil, err
	}
	path := v.availablePath()
	if path == "" || v.r.Expansion == nil {
		return &csi.Answer{Record: v.r}, nil
	}
	if err := v.expandNode(ctx, path); err != nil {
		return nil, err
	}
	return &csi.Answer{Record: v.r}, v.write("node-expanded")
}

// canExpand refuses to make a volume smaller, or to make it larger in a way that the plugin lacks.
func (v *volume) canExpand(size csi.Size) error {
	switch {
	case size.Required <= 0 || size.Limit > 0 && size.Limit < size.Required:
		return &csi.Error{Kind: csi.KindInvalid,
			Message: fmt.Sprintf("size: %d to %d is not valid", size.Required, size.Limit)}
	case v.r.ID == "":
		return &csi.Error{Kind: csi.KindState, Message: "its creation has not finished (repeat that)"}
	case size.Required < v.r.Bytes:
		return &csi.Error{Kind: csi.KindRange,
			Message: fmt.Sprintf("it has %d bytes, and a volume is never made smaller, to %d", v.r.Bytes,
				size.Required)}
	case !v.have.Controller(rpc.Expand) && !v.have.Node(rpc.NodeExpand):
		return rpc.Require(false, "ControllerExpandVolume", rpc.Expand)
	case v.have.Online():
		return nil
	}
	for _, holder := range v.r.Holders() {
		return &csi.Error{Kind: csi.KindInUse, Holder: string(holder),
			Message: "the plugin expands volumes only while they are not in use (stop the holder first)"}
	}
	return nil
}

// expandController does the controller's part. The record says what is left for the node.
func (v *volume) expandController(ctx context.Context, size csi.Size) error {
	v.r.Expansion, v.durable = &csi.Expansion{Step: csi.Doing, Size: size}, true
	if err := v.write("expanding"); err != nil {
		return err
	}
	bytes, node := size.Required, true
	if v.have.Controller(rpc.Expand) {
		var err error
		bytes, node, err = v.conn.ControllerExpand(ctx, v.r, size)
		if err != nil && refused(err) {
			v.r.Expansion, v.durable = nil, true
			return errors.Join(err, v.write("expanded"))
		}
		if err := called("expand", err); err != nil {
			return err
		}
	}
	v.r.Bytes, v.durable = bytes, true
	v.r.Expansion.Step = csi.Done
	if !node || !v.have.Node(rpc.NodeExpand) {
		v.r.Expansion = nil
	}
	return v.write("expanded")
}

// availablePath returns a path at which the volume is available on this node: where it is staged, or else
// published; "" if it is not.
func (v *volume) availablePath() string {
	if v.r.Staging != nil && v.r.Staging.Step == csi.Done {
		return v.r.Staging.Path
	}
	for _, holder := range v.r.Holders() {
		if v.r.References[holder].Step == csi.Done {
			return v.r.References[holder].Target
		}
	}
	return ""
}

// expandNode does the node's part of an expansion that is left. The caller writes the record.
func (v *volume) expandNode(ctx context.Context, path string) error {
	if v.r.Expansion == nil || v.r.Expansion.Step != csi.Done {
		return nil
	}
	if err := called("node-expand", v.conn.NodeExpand(ctx, v.r, path, v.r.Expansion.Size)); err != nil {
		return err
	}
	v.r.Expansion = nil
	return nil
}

// modify changes a volume's mutable parameters, and records them.
func (w *work) modify(ctx context.Context) (*csi.Answer, error) {
	v, err := w.open(ctx)
	if err != nil {
		return nil, err
	}
	defer v.close()
	if err := w.negotiate(ctx); err != nil {
		return nil, err
	}
	if err := rpc.Require(w.have.Controller(rpc.Modify), "ControllerModifyVolume", rpc.Modify); err != nil {
		return nil, err
	}
	if err := w.conn.Modify(ctx, v.r, w.request.Mutable); err != nil {
		return nil, err
	}
	v.r.Volume.Mutable, v.durable = w.request.Mutable, true
	return &csi.Answer{Record: v.r}, v.write("modified")
}
