package lifecycle

import (
	"context"
	"errors"
	"fmt"
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
	paths, err := w.orphans(known)
	for _, path := range paths {
		out.Queued["mount "+path] = orphan(path)
	}
	return &csi.Answer{Recovered: out}, err
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
		if err := w.negotiate(ctx); err != nil {
			return false, err
		}
		if err := v.unpublishOne(ctx, container); err != nil {
			return false, err
		}
	}
	if len(v.r.References) > 0 || !v.r.InUse() && v.r.Creation != csi.Undoing {
		return len(v.r.References) < len(holders), nil
	}
	if err := w.negotiate(ctx); err != nil {
		return false, err
	}
	if err := v.release(ctx); err != nil {
		return false, err
	}
	if v.r.Creation == csi.Undoing {
		return true, v.deleteVolume(ctx)
	}
	return true, nil
}

// orphans returns the mounts of targets that belong to no record: nothing tells their volume id.
func (w *work) orphans(known map[string]bool) (paths []string, err error) {
	table, err := readMounts()
	targets := filepath.Join(w.store.Dir(), "targets")
	for _, mount := range table {
		dir := filepath.Dir(mount.Mountpoint)
		if filepath.Dir(dir) == targets && !known[dir] {
			paths = append(paths, mount.Mountpoint)
		}
	}
	return paths, err
}

// orphan is the error for a mount that belongs to no record.
func orphan(path string) *csi.Error {
	return &csi.Error{Kind: csi.KindState, Message: fmt.Sprintf(
		"%s is a mount of a volume without a record (publish it by its id and unpublish it, or unmount it)", path)}
}

// checkNoOrphan fails if the request's container, whose volume has no record, has a mount that belongs to no
// record: it may be that of the volume.
func (w *work) checkNoOrphan() error {
	keys, err := w.store.Keys()
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, key := range keys {
		if r, err := w.store.Read(key); err == nil {
			known[w.store.TargetDir(r)] = true
		}
	}
	paths, err := w.orphans(known)
	for _, path := range paths {
		if filepath.Base(path) == string(w.request.Container) {
			return orphan(path)
		}
	}
	return err
}
