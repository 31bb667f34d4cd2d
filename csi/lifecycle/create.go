package lifecycle

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/csi"
	"github.com/mctr/mctr/csi/rpc"
)

// create has the plugin make a volume. If the outcome is not known, the same request asks for the same
// volume again: the name is in the record before the first call.
func (w *work) create(ctx context.Context) (*csi.Answer, error) {
	wanted := w.request.Volume
	if wanted.ID != "" {
		return nil, &csi.Error{Kind: csi.KindInvalid, Message: "a volume with an id exists (validate it)"}
	}
	v, err := w.openKey(ctx, wanted.Key())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	defer v.close()
	if err == nil {
		if err := v.r.Volume.Matches(wanted); err != nil || v.r.Creation == csi.Done {
			return &csi.Answer{Record: v.r}, err
		}
		if v.r.Creation == csi.Undoing {
			return nil, &csi.Error{Kind: csi.KindState, Message: "its deletion has not finished (delete it again)"}
		}
	}
	if err := w.negotiate(ctx); err != nil {
		return nil, err
	}
	if err := w.canCreate(wanted); err != nil {
		return nil, err
	}
	fresh := v.r == nil
	if fresh {
		v.r = &csi.Record{Boot: w.boot, Volume: *wanted, Provisioned: true, Creation: csi.Doing, SentName: newName(),
			References: map[mctr.ContainerID]*csi.Reference{}}
		if err := v.decideMode(); err != nil {
			return nil, err
		}
		v.durable = true
		if err := v.write("creating"); err != nil {
			return nil, err
		}
	}
	return v.createVolume(ctx, fresh)
}

// newName returns the name of a new volume or snapshot for its plugin: no other host uses it.
func newName() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // crypto/rand documents that this never fails
	return "mctr-" + hex.EncodeToString(b[:])
}

// canCreate refuses a volume that needs what the plugin lacks.
func (w *work) canCreate(wanted *csi.Volume) error {
	if err := rpc.Require(w.have.Controller(rpc.CreateDelete), "CreateVolume", rpc.CreateDelete); err != nil {
		return err
	}
	if wanted.Source != nil && wanted.Source.VolumeID != "" {
		return rpc.Require(w.have.Controller(rpc.Clone), "CreateVolume", rpc.Clone)
	}
	if wanted.Source != nil {
		return rpc.Require(w.have.Controller(rpc.Snapshots), "CreateVolume", rpc.Snapshots)
	}
	if len(wanted.Mutable) > 0 {
		return rpc.Require(w.have.Controller(rpc.Modify), "CreateVolume", rpc.Modify)
	}
	return nil
}

// createVolume calls CreateVolume for a record, and completes the record. The record of a volume that the
// plugin refuses is removed; if an earlier process has called too, only if no call can have succeeded.
func (v *volume) createVolume(ctx context.Context, fresh bool) (*csi.Answer, error) {
	if err := called("create", v.conn.Create(ctx, v.r, v.r.SentName)); err != nil {
		if refused(err) && (fresh || impossible[csi.AsError(err, "").Kind]) {
			return nil, errors.Join(err, v.store.Remove(v.r))
		}
		return nil, err
	}
	if err := v.store.Claim(v.r); err != nil {
		// The plugin answers with a volume that is another record's: this record must never delete it.
		v.r.ID, v.r.Bytes, v.r.Context, v.r.Reachable = "", 0, nil, nil
		return nil, err
	}
	v.r.Creation, v.durable = csi.Done, true
	return &csi.Answer{Record: v.r}, v.write("created")
}

// refused returns true if the plugin has answered that it makes no such object, and no try can have
// made it.
func refused(err error) bool {
	e := csi.AsError(err, "")
	return !e.Unknown && refusals[e.Kind]
}

// refusals are the kinds of errors by which a plugin refuses, now or for good.
var refusals = map[csi.Kind]bool{csi.KindInvalid: true, csi.KindNotFound: true, csi.KindIncompatible: true,
	csi.KindExhausted: true, csi.KindRange: true, csi.KindDenied: true, csi.KindUnauthenticated: true,
	csi.KindUnsupported: true, csi.KindState: true}

// impossible are the refusals that do not change with time, secrets or other objects.
var impossible = map[csi.Kind]bool{csi.KindInvalid: true, csi.KindRange: true, csi.KindUnsupported: true}

// validate has the plugin confirm that a volume that was made before can be used, and records it.
func (w *work) validate(ctx context.Context) (*csi.Answer, error) {
	v, err := w.open(ctx)
	if err != nil {
		return nil, err
	}
	defer v.close()
	if err := w.negotiate(ctx); err != nil {
		return nil, err
	}
	if err := v.decideMode(); err != nil {
		return nil, err
	}
	if err := v.store.Claim(v.r); err != nil {
		return nil, err
	}
	if w.have.HasController() {
		if err := w.conn.Validate(ctx, v.r); err != nil {
			return nil, err
		}
	}
	v.durable = true
	return &csi.Answer{Record: v.r}, v.write("validated")
}

// delete deletes a volume that no container uses. A volume that was made before is recordRemoved, and
// exists on.
func (w *work) delete(ctx context.Context) (*csi.Answer, error) {
	v, err := w.open(ctx)
	if rpc.IsKind(err, csi.KindNotFound) {
		return &csi.Answer{}, nil
	}
	if err != nil {
		return nil, err
	}
	defer v.close()
	if holders := v.r.Holders(); len(holders) > 0 {
		return nil, &csi.Error{Kind: csi.KindInUse, Holder: string(holders[0]), Message: "a container uses it"}
	}
	if !v.r.Provisioned && !v.r.InUse() {
		return &csi.Answer{Kept: true}, v.store.Remove(v.r)
	}
	if err := w.negotiate(ctx); err != nil {
		return nil, err
	}
	if err := v.release(ctx); err != nil {
		return nil, err
	}
	if !v.r.Provisioned {
		return &csi.Answer{Kept: true}, v.store.Remove(v.r)
	}
	return &csi.Answer{}, v.deleteVolume(ctx)
}

// deleteVolume calls DeleteVolume and removes the record. A volume whose creation has not finished is created
// first: that is the only way to know its id.
func (v *volume) deleteVolume(ctx context.Context) error {
	if v.r.ID == "" {
		if _, err := v.createVolume(ctx, false); err != nil {
			if v.recordRemoved() {
				return nil // the plugin makes no such volume, so that there is none
			}
			return err
		}
	}
	v.r.Creation, v.durable = csi.Undoing, true
	if err := v.write("deleting"); err != nil {
		return err
	}
	if err := v.conn.Delete(ctx, v.r); err != nil && !rpc.IsKind(err, csi.KindNotFound) {
		return err
	}
	if err := called("delete", nil); err != nil {
		return err
	}
	return v.store.Remove(v.r)
}

// recordRemoved returns true if the record has been removed.
func (v *volume) recordRemoved() bool {
	_, err := v.store.Read(v.r.Volume.Key())
	return errors.Is(err, fs.ErrNotExist)
}
