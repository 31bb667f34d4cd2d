package lifecycle

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"github.com/mctr/mctr/csi"
)

// recover releases the volumes of the request's plugin and owner that no live container uses, and
// finishes deletions. It goes on past errors: what could not be released is queued for the next
// recover. A volume that a live container uses is left alone, whether the plugin answers or not.
func (w *work) recover(ctx context.Context) (*csi.Answer, error) {
	keys, err := w.store.Keys()
	if err != nil {
		return nil, err
	}
	out := &csi.Recovered{Queued: map[string]*csi.Error{}}
	known := map[string]bool{}
	conn := w.conn
	for i, key := range keys {
		r, err := w.store.Read(key)
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted meanwhile
		}
		if err != nil {
			out.Queued["record "+key] = csi.AsError(err, "")
			continue
		}
		known[w.store.TargetDir(r)] = true
		if r.Volume.Plugin != w.request.Plugin.Name || r.Volume.Owner != w.request.Owner {
			continue
		}
		w.conn = conn.WithSecrets(w.request.VolumeSecrets[key])
		released, err := w.recoverShare(ctx, key, len(keys)-i)
		name := r.Volume.String()
		if err != nil {
			out.Queued[name] = csi.AsError(err, name)
		} else if released {
			out.Released = append(out.Released, name)
		}
	}
	return &csi.Answer{Recovered: out}, w.orphans(known, out)
}

// recoverShare is recoverOne within the volume's share of the time that is left for so many volumes: one
// that hangs must not keep the others.
func (w *work) recoverShare(ctx context.Context, key string, left int) (released bool, err error) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/time.Duration(left))
		defer cancel()
	}
	return w.recoverOne(ctx, key)
}

// recoverOne releases one volume as far as no live container uses it.
func (w *work) recoverOne(ctx context.Context, key string) (released bool, err error) {
	v, err := w.openKey(ctx, key)
	if errors.Is(err, fs.ErrNotExist) {
		v.close()
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer v.close()
	if err := v.rebuild(); err != nil {
		return false, err
	}
	holders := v.r.Holders()
	for _, container := range holders {
		if slices.Contains(w.request.Live, container) {
			continue
		}
		if err := w.meet(ctx); err != nil {
			return false, err
		}
		if err := v.unpublishOne(ctx, container); err != nil {
			return false, err
		}
	}
	if len(v.r.References) > 0 || !v.r.InUse() && v.r.Creation != csi.Undoing {
		return len(v.r.References) < len(holders), nil
	}
	if err := w.meet(ctx); err != nil {
		return false, err
	}
	if err := v.release(ctx); err != nil {
		return false, err
	}
	if v.r.Creation == csi.Undoing {
		return true, v.unmake(ctx)
	}
	return true, nil
}

// orphans queues the mounts of targets that belong to no record: nothing tells their volume id.
func (w *work) orphans(known map[string]bool, out *csi.Recovered) error {
	table, err := readMounts()
	if err != nil {
		return err
	}
	targets := filepath.Join(w.store.Dir(), "targets")
	for _, mount := range table {
		dir := filepath.Dir(mount.Mountpoint)
		if filepath.Dir(dir) == targets && !known[dir] {
			out.Queued["mount "+mount.Mountpoint] = &csi.Error{Kind: csi.KindState,
				Message: "it belongs to no record (publish and unpublish its volume, or unmount it)"}
		}
	}
	return nil
}
