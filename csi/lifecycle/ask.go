package lifecycle

import (
	"context"
	"errors"
	"io/fs"

	"github.com/mctr/mctr/csi"
	"github.com/mctr/mctr/csi/rpc"
)

// readUnlocked reads the record of the request's volume, and waits for no lock: to ask how a volume is must not
// wait for a call that hangs.
func (w *work) readUnlocked(ctx context.Context) (*csi.Record, string, error) {
	r, err := w.store.Read(w.request.Volume.Key())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", &csi.Error{Kind: csi.KindNotFound, Message: "it has no record"}
	}
	if err != nil {
		return nil, "", err
	}
	target := ""
	if reference := r.References[w.request.Container]; reference != nil && reference.Step == csi.Done {
		target = reference.Target
	}
	for _, holder := range r.Holders() {
		if target == "" && w.request.Container == "" && r.References[holder].Step == csi.Done {
			target = r.References[holder].Target
		}
	}
	return r, target, w.negotiate(ctx)
}

// stats returns how full the volume of a container is; without a container, that of any.
func (w *work) stats(ctx context.Context) (*csi.Answer, error) {
	r, target, err := w.readUnlocked(ctx)
	if err != nil {
		return nil, err
	}
	if err := rpc.Require(w.have.Node(rpc.Stats), "NodeGetVolumeStats", rpc.Stats); err != nil {
		return nil, err
	}
	if target == "" {
		return nil, &csi.Error{Kind: csi.KindState, Message: "it is not published to the container"}
	}
	usage, condition, err := w.conn.Stats(ctx, r, target)
	return &csi.Answer{Usage: usage, Health: condition}, err
}

// health returns what all calls that the plugin has for it say is wrong with a volume and its storage.
func (w *work) health(ctx context.Context) (*csi.Answer, error) {
	r, target, err := w.readUnlocked(ctx)
	if err != nil {
		return nil, err
	}
	answer := &csi.Answer{}
	asked := false
	ask := func(have bool, f func() ([]csi.Condition, error)) {
		if have {
			conditions, e := f()
			asked, err = true, errors.Join(err, e)
			answer.Health = append(answer.Health, conditions...)
		}
	}
	ask(w.have.Node(rpc.NodeHealth), func() ([]csi.Condition, error) { return w.conn.NodeHealth(ctx, r, target) })
	ask(w.have.Controller(rpc.VolumeHealth), func() ([]csi.Condition, error) { return w.conn.ControllerHealth(ctx, r) })
	ask(w.have.Node(rpc.StorageHealth), func() ([]csi.Condition, error) { return w.conn.StorageHealth(ctx) })
	ask(w.have.Node(rpc.Stats) && target != "", func() ([]csi.Condition, error) {
		_, conditions, err := w.conn.Stats(ctx, r, target)
		return conditions, err
	})
	if !asked {
		return nil, rpc.Require(false, "NodeGetVolumeHealth", rpc.NodeHealth)
	}
	return answer, err
}

// volumes lists the plugin's volumes.
func (w *work) volumes(ctx context.Context) (*csi.Answer, error) {
	if err := w.negotiate(ctx); err != nil {
		return nil, err
	}
	if err := rpc.Require(w.have.Controller(rpc.ListVolumes), "ListVolumes", rpc.ListVolumes); err != nil {
		return nil, err
	}
	list, err := w.conn.ListVolumes(ctx)
	return &csi.Answer{Volumes: list}, err
}

// snapshots lists the plugin's snapshots.
func (w *work) snapshots(ctx context.Context) (*csi.Answer, error) {
	if err := w.negotiate(ctx); err != nil {
		return nil, err
	}
	if err := rpc.Require(w.have.Controller(rpc.ListSnapshots), "ListSnapshots", rpc.ListSnapshots); err != nil {
		return nil, err
	}
	list, err := w.conn.ListSnapshots(ctx)
	return &csi.Answer{Snapshots: list}, err
}

// capacity returns the plugin's free space.
func (w *work) capacity(ctx context.Context) (*csi.Answer, error) {
	if err := w.negotiate(ctx); err != nil {
		return nil, err
	}
	if err := rpc.Require(w.have.Controller(rpc.GetCapacity), "GetCapacity", rpc.GetCapacity); err != nil {
		return nil, err
	}
	capacity, err := w.conn.Capacity(ctx)
	return &csi.Answer{Capacity: capacity}, err
}
