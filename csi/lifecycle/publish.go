package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/csi"
	"github.com/mctr/mctr/csi/rpc"
	"github.com/mctr/mctr/internal/dirs"
	"github.com/mctr/mctr/internal/failpoint"
)

// Failpoints are the names of the failpoints of all steps: after each write of the record, and after
// each call before the next write.
var Failpoints = []string{
	"csi/creating", "csi/create-called", "csi/created",
	"csi/attaching", "csi/attach-called", "csi/staging", "csi/stage-called", "csi/publishing", "csi/publish-called",
	"csi/published",
	"csi/unpublishing", "csi/unpublish-called", "csi/unpublished", "csi/unstaging", "csi/unstage-called",
	"csi/detaching", "csi/detach-called", "csi/released",
	"csi/deleting", "csi/delete-called",
	"csi/expanding", "csi/expand-called", "csi/expanded", "csi/node-expand-called",
	"csi/node-expanded", "csi/modified", "csi/validated",
	"csi/cutting", "csi/cut-called", "csi/cut", "csi/snapshot-delete-called",
}

// called passes the failpoint after a call.
func called(point string, err error) error {
	if err != nil {
		return err
	}
	return failpoint.Hit("csi/" + point + "-called")
}

// publish makes a volume available to a container. What fails is undone, unless the container has had
// the volume before: it may be running.
func (w *work) publish(ctx context.Context) (*csi.Answer, error) {
	v, err := w.open(ctx)
	if err != nil {
		return nil, err
	}
	defer v.close()
	if err := w.negotiate(ctx); err != nil {
		return nil, err
	}
	if err := v.admit(ctx); err != nil {
		return nil, err
	}
	container := w.request.Container
	reference := v.r.References[container]
	had := reference != nil && reference.Step == csi.Done
	switch {
	case had && reference.Readonly != v.readonly():
		return nil, &csi.Error{Kind: csi.KindIncompatible, Holder: string(container),
			Message: fmt.Sprintf("it is published to the container with readonly %t (unpublish it first)",
				reference.Readonly)}
	case had && v.verify(reference.Target) == nil:
		return v.published(reference)
	case reference != nil && (reference.Step == csi.Undoing || reference.Readonly != v.readonly()):
		if err := v.unpublishOne(ctx, container); err != nil { // a process before this one was cut off
			return nil, err
		}
	}
	err = v.makeAvailable(ctx, container)
	reference = v.r.References[container]
	switch {
	case err == nil:
		return v.published(reference)
	case had:
		reference.Step = csi.Done
		return nil, errors.Join(err, v.write("published"))
	}
	// The caller may have given up, and the plugin may be dead: what cannot be undone now is by recover.
	undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollback)
	defer cancel()
	if e := v.unpublishOne(undo, container); e != nil {
		err = errors.Join(err, e)
	} else if e := v.release(undo); e != nil {
		err = errors.Join(err, e)
	}
	return nil, err
}

// rollback limits the undoing of a publish that has failed.
const rollback = 5 * time.Second

func (v *volume) published(reference *csi.Reference) (*csi.Answer, error) {
	answer := &csi.Answer{Target: reference.Target}
	if !v.r.Volume.IsBlock() {
		return answer, nil
	}
	var st unix.Stat_t
	if err := unix.Stat(reference.Target, &st); err != nil {
		return nil, fmt.Errorf("which device is at %s: %w", reference.Target, err)
	}
	answer.Device = &csi.Device{Major: int64(unix.Major(st.Rdev)), Minor: int64(unix.Minor(st.Rdev))}
	return answer, nil
}

// readonly returns true if the request's container may not write.
func (v *volume) readonly() bool { return v.request.Readonly || v.r.Volume.Readonly }

// admit fails unless the volume can be used by the request's container on this node.
func (v *volume) admit(ctx context.Context) error {
	if v.r.Creation == csi.Doing || v.r.Creation == csi.Undoing {
		return &csi.Error{Kind: csi.KindState, Message: "its creation or deletion has not finished (repeat that)"}
	}
	if err := v.decideMode(); err != nil {
		return err
	}
	node, err := v.thisNode(ctx)
	if err != nil {
		return err
	}
	if err := v.r.Admit(v.request.Container, v.readonly(), node.id); err != nil {
		return err
	}
	if v.have.Topology() && !reaches(v.r.Reachable, node.segments) {
		return &csi.Error{Kind: csi.KindState, Node: node.id, Message: "it is not accessible from this node"}
	}
	return v.store.Claim(v.r)
}

// decideMode chooses, once in the life of a volume, the access mode of all calls, and refuses what the
// plugin cannot do.
func (v *volume) decideMode() error {
	if v.r.Volume.MountGroup != "" && !v.have.Node(rpc.MountGroup) {
		return rpc.Require(false, "NodeStageVolume", rpc.MountGroup)
	}
	if v.r.SentMode != "" {
		return nil
	}
	mode, err := v.r.Volume.AccessMode.Sent(v.have.MultiWriter())
	v.r.SentMode = mode
	return err
}

// reaches returns true if a node has all segments of one of the topologies, or there are none.
func reaches(topologies []csi.Segments, node csi.Segments) bool {
	for _, topology := range topologies {
		rest := maps.Clone(topology)
		maps.DeleteFunc(rest, func(key, value string) bool { return node[key] == value })
		if len(rest) == 0 {
			return true
		}
	}
	return len(topologies) == 0
}

// makeAvailable attaches, stages and publishes, as far as the plugin has these calls and they are not done.
func (v *volume) makeAvailable(ctx context.Context, container mctr.ContainerID) error {
	if err := dirs.MakeAll(v.store.TargetDir(v.r), 0o700); err != nil {
		return err
	}
	reference := v.r.References[container]
	if reference == nil { // the first write has it: no other process takes the volume away meanwhile
		reference = &csi.Reference{Target: v.store.TargetPath(v.r, container), Readonly: v.readonly(),
			Since: time.Now()}
		v.r.References[container] = reference
	}
	if err := v.attach(ctx); err != nil {
		return err
	}
	if err := v.stage(ctx); err != nil {
		return err
	}
	reference.Step = csi.Doing
	if err := v.write("publishing"); err != nil {
		return err
	}
	if err := called("publish", v.conn.NodePublish(ctx, v.r, reference)); err != nil {
		return err
	}
	if err := v.verify(reference.Target); err != nil {
		return err
	}
	if !v.have.Node(rpc.Stage) {
		if err := v.expandNode(ctx, reference.Target); err != nil {
			return err
		}
	}
	reference.Step = csi.Done
	return v.write("published")
}

// attach has the volume attached to this node.
func (v *volume) attach(ctx context.Context) error {
	if !v.have.Controller(rpc.Publish) {
		return nil
	}
	if v.r.Attachment != nil && v.r.Attachment.Step == csi.Undoing {
		if err := v.detach(ctx); err != nil {
			return err
		}
	}
	if v.r.Attachment != nil && v.r.Attachment.Step == csi.Done {
		return nil
	}
	node, err := v.thisNode(ctx)
	if err != nil {
		return err
	}
	if v.r.Attachment == nil {
		readonly := v.have.Controller(rpc.PublishRO) && (v.r.Volume.Readonly || v.r.Volume.AccessMode.ReaderOnly())
		v.r.Attachment = &csi.Attachment{Step: csi.Doing, Node: node.id, Readonly: readonly}
	}
	v.durable = true
	if err := v.write("attaching"); err != nil {
		return err
	}
	if err := called("attach", v.conn.ControllerPublish(ctx, v.r)); err != nil {
		return err
	}
	v.r.Attachment.Step, v.durable = csi.Done, true // written with the next step, before its call
	return nil
}

// stage has the volume staged on this node.
func (v *volume) stage(ctx context.Context) error {
	if !v.have.Node(rpc.Stage) {
		return nil
	}
	if v.r.Staging != nil && v.r.Staging.Step == csi.Undoing {
		if err := v.unstage(ctx); err != nil {
			return err
		}
	}
	if v.r.Staging != nil && v.r.Staging.Step == csi.Done {
		return nil
	}
	v.r.Staging = &csi.Staging{Step: csi.Doing, Path: v.store.StagingPath(v.r)}
	if err := v.write("staging"); err != nil {
		return err
	}
	if err := dirs.MakeAll(filepath.Dir(v.r.Staging.Path), 0o700); err != nil {
		return err
	}
	// Not with a look at the directory, which may be a mount that hangs.
	if err := dirs.Make(v.r.Staging.Path, 0o750); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := called("stage", v.conn.Stage(ctx, v.r)); err != nil {
		return err
	}
	v.r.Staging.Step = csi.Done
	return v.expandNode(ctx, v.r.Staging.Path)
}
