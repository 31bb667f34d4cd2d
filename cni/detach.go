package cni

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni/networks"
	"github.com/mctr/mctr/internal/failpoint"
	"github.com/mctr/mctr/internal/flock"
)

const (
	// firstRetry is the pause after the first failed DEL. The pause doubles up to lastRetry.
	firstRetry = 10 * time.Second
	lastRetry  = time.Hour
	// retryTime bounds all DELs of one RetryDue together, because the release of another container
	// waits for it.
	retryTime = 10 * time.Second
	// orphanTime bounds the wait for plugins whose caller has died.
	orphanTime = 10 * time.Second
)

// Detach asks for DEL of all of a container's attachments, the last one first, and unpins the
// container's namespace. It goes on past errors.
//
// If a DEL fails, its attachment stays recorded with the reason, so that the container's release
// need not wait. The namespace stays pinned too: without it a plugin cannot find the rules that
// belong to the interface's addresses, such as those for masquerading.
func (n *Networks) Detach(ctx context.Context, id mctr.ContainerID) error {
	attachments, err := n.AttachmentsOf(id)
	errs := []error{err}
	for _, a := range slices.Backward(attachments) {
		errs = append(errs, n.detach(ctx, a))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return n.Unpin(id)
}

func (n *Networks) detach(ctx context.Context, a *Attachment) error {
	lock, err := n.lockNetwork(ctx, a.Network, flock.Shared)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	return n.del(ctx, a)
}

// del asks for DEL once no plugin works on the attachment any more.
func (n *Networks) del(ctx context.Context, a *Attachment) error {
	busy, err := n.lockWithoutOrphans(ctx, a)
	if err != nil {
		return n.postpone(a, err)
	}
	return n.finishDetach(a, busy, n.runDel(ctx, a, busy))
}

// finishDetach ends a DEL: it records err as the reason of a failure, or removes the attachment's
// record and then its lock.
func (n *Networks) finishDetach(a *Attachment, busy *flock.Lock, err error) error {
	if err != nil {
		defer busy.Unlock()
		return n.postpone(a, err)
	}
	return errors.Join(n.deleteRecord(a), busy.Remove())
}

// postpone records why DEL failed, and the time of the next attempt.
func (n *Networks) postpone(a *Attachment, why error) error {
	why = fmt.Errorf("detach %s from network %s: %w", a.Interface, a.Network, why)
	a.State, a.Failure, a.Failed = Detaching, why.Error(), a.Failed+1
	a.Retry = time.Now().Add(min(firstRetry<<min(a.Failed-1, 16), lastRetry)).UTC()
	return errors.Join(why, n.save(a))
}

// runDel asks for DEL with the arguments of the ADD.
func (n *Networks) runDel(ctx context.Context, a *Attachment, busy *flock.Lock) error {
	list, err := networks.Parse(a.Config)
	if err != nil {
		return err
	}
	netns := n.Namespace(a.Container)
	if !pinned(netns) {
		netns = "" // CNI specification: without the namespace, DEL releases what it can
	}
	if err := n.plugins(&executor{lock: busy.File(), previous: a.Answer},
		a.PluginDirs...).DelNetworkList(ctx, list.List(), n.conf(a, netns)); err != nil {
		return err
	}
	return failpoint.Hit("cni/deleted")
}

// RetryDue repeats failed DELs whose pause is over. It logs what fails again, and doubles the
// pause.
func (n *Networks) RetryDue(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, retryTime)
	defer cancel()
	all, err := n.Attachments()
	if err != nil {
		n.log.Warn("read the attachments", "error", err)
	}
	for _, a := range all {
		if !a.isDue() {
			continue
		}
		if ctx.Err() != nil {
			return // the other DELs were not attempted, so they have not failed
		}
		if err := n.retry(ctx, a); err != nil {
			n.log.Warn("a network is still attached to a container that has exited", "container", a.Container, "error",
				err, "next", a.Retry)
		}
	}
}

// isDue reports whether a failed DEL should be repeated now.
func (a *Attachment) isDue() bool {
	return a.State == Detaching && a.Failed > 0 && time.Now().After(a.Retry)
}

// retry repeats a DEL that is still due under its lock. Another process may have succeeded in the
// meantime, and the container may have been started again with a new attachment.
func (n *Networks) retry(ctx context.Context, a *Attachment) error {
	lock, err := n.lockNetwork(ctx, a.Network, flock.Shared)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	busy, err := flock.TryExclusive(lockOf(n.path(a)))
	if errors.Is(err, flock.ErrHeld) {
		return nil // another process is detaching it
	}
	if err != nil {
		return err
	}
	now, err := load(n.path(a))
	if errors.Is(err, fs.ErrNotExist) {
		return busy.Remove()
	}
	if err != nil || !now.isDue() {
		busy.Unlock()
		return err
	}
	*a = *now
	err = n.runDel(ctx, a, busy)
	if err == nil {
		err = n.unpinLast(a)
	}
	return n.finishDetach(a, busy, err)
}

// unpinLast unpins the namespace if a is the container's last attachment. The record of a still
// exists then: a launch that finds no record may pin another namespace.
func (n *Networks) unpinLast(a *Attachment) error {
	left, err := n.AttachmentsOf(a.Container)
	if err != nil || len(left) > 1 {
		return err
	}
	return n.Unpin(a.Container)
}
