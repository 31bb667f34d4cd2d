package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/mctr/mctr/csi"
	"github.com/mctr/mctr/csi/rpc"
	"github.com/mctr/mctr/internal/failpoint"
)

// The pauses between the looks at a snapshot that is not ready.
const (
	firstLook   = 50 * time.Millisecond
	longestLook = 10 * time.Second
)

// snapshot cuts a snapshot, or a group of them, and waits until it is ready. If the time ends first,
// the record stays, and the same request waits again.
func (w *work) snapshot(ctx context.Context) (*csi.Answer, error) {
	wanted := w.request.Snapshot
	lock, err := w.store.LockSnapshot(ctx, wanted.Key())
	if err != nil {
		return nil, err
	}
	defer w.store.Unlock(lock)
	s, err := w.store.ReadSnapshot(wanted.Key())
	fresh := errors.Is(err, fs.ErrNotExist)
	switch {
	case fresh:
		s = wanted
		s.SentName, s.ID, s.Cut, s.Ready = newName(), "", nil, false
	case err != nil:
		return nil, err
	case s.Group != wanted.Group || !slices.Equal(s.VolumeIDs, wanted.VolumeIDs):
		return nil, &csi.Error{Kind: csi.KindIncompatible,
			Message: fmt.Sprintf("snapshot %q exists, of %q", s.Name, s.VolumeIDs)}
	case s.Ready:
		return &csi.Answer{Snapshot: s}, nil
	}
	if err := w.canSnapshot(ctx, s); err != nil {
		return nil, err
	}
	if err := w.writeSnapshot(s, "cutting"); err != nil {
		return nil, err
	}
	return &csi.Answer{Snapshot: s}, w.cut(ctx, s, fresh)
}

func (w *work) canSnapshot(ctx context.Context, s *csi.Snapshot) error {
	if err := w.negotiate(ctx); err != nil {
		return err
	}
	if s.Group {
		return rpc.Require(w.have.Group(rpc.GroupSnapshots), "CreateVolumeGroupSnapshot", rpc.GroupSnapshots)
	}
	return rpc.Require(w.have.Controller(rpc.Snapshots), "CreateSnapshot", rpc.Snapshots)
}

// cut asks for the snapshot until it is ready. The record of one that the plugin refuses is removed,
// unless an earlier process has asked for it too.
func (w *work) cut(ctx context.Context, s *csi.Snapshot, fresh bool) error {
	for look := firstLook; ; look = min(2*look, longestLook) {
		if err := called("cut", w.conn.Snapshot(ctx, s, s.SentName)); err != nil {
			if s.ID == "" && fresh && refused(err) {
				return errors.Join(err, w.store.RemoveSnapshot(s))
			}
			return err
		}
		if err := w.writeSnapshot(s, "cut"); err != nil || s.Ready {
			return err
		}
		select {
		case <-ctx.Done():
			return &csi.Error{Kind: csi.KindPending, Call: "CreateSnapshot",
				Message: fmt.Sprintf("snapshot %q is cut and not ready yet (repeat the request)", s.Name)}
		case <-time.After(look):
		}
	}
}

// deleteSnapshot deletes a snapshot and its record.
func (w *work) deleteSnapshot(ctx context.Context) (*csi.Answer, error) {
	key := w.request.Snapshot.Key()
	lock, err := w.store.LockSnapshot(ctx, key)
	if err != nil {
		return nil, err
	}
	defer w.store.Unlock(lock)
	s, err := w.store.ReadSnapshot(key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := w.canSnapshot(ctx, s); err != nil {
		return nil, err
	}
	if s.ID == "" { // its creation was cut off: the same name returns its id
		if err := w.conn.Snapshot(ctx, s, s.SentName); err != nil {
			return nil, err
		}
		if err := w.writeSnapshot(s, "cut"); err != nil {
			return nil, err
		}
	}
	if err := w.conn.DeleteSnapshot(ctx, s); err != nil && !rpc.IsKind(err, csi.KindNotFound) {
		return nil, err
	}
	if err := called("snapshot-delete", nil); err != nil {
		return nil, err
	}
	return nil, w.store.RemoveSnapshot(s)
}

// writeSnapshot writes the record and passes a failpoint.
func (w *work) writeSnapshot(s *csi.Snapshot, point string) error {
	if err := w.store.WriteSnapshot(s); err != nil {
		return err
	}
	return failpoint.Hit("csi/" + point)
}
