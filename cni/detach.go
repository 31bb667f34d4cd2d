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
	// firstRetry is how long a DEL that failed is left alone at first; it doubles up
	// to lastRetry.
	firstRetry = 10 * time.Second
	lastRetry  = time.Hour
	// retryTime is what all DELs that are asked again may take together: the release of
	// another container waits meanwhile.
	retryTime = 10 * time.Second
	// orphanTime is what plugins whose caller has died have to end.
	orphanTime = 10 * time.Second
)

// Detach takes back all of a container's attachments, the last one first, and
// unpins its namespace. It goes on past errors. An attachment whose DEL fails stays
// recorded, with the reason, and the namespace pinned, since a plugin that is asked
// without one leaves what it finds by the interface's addresses, as the rules for
// masquerading: the container's end does not wait for it.
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
	lock, err := n.shareNetwork(ctx, a.Network)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	return n.del(ctx, a)
}

// del asks for DEL, when no plugin works on the attachment any more.
func (n *Networks) del(ctx context.Context, a *Attachment) error {
	busy, err := n.lockWithoutOrphans(ctx, a)
	if err != nil {
		return n.postpone(a, err)
	}
	return n.finishDetach(a, busy, n.runDel(ctx, a, busy))
}

// finishDetach drops the record, and then the lock, of an attachment whose DEL has
// succeeded; else the reason is recorded.
func (n *Networks) finishDetach(a *Attachment, busy *flock.Lock, err error) error {
	if err != nil {
		defer busy.Unlock()
		return n.postpone(a, err)
	}
	return errors.Join(n.deleteRecord(a), busy.Remove())
}

// postpone records why DEL failed, and when it is to be asked again.
func (n *Networks) postpone(a *Attachment, why error) error {
	why = fmt.Errorf("detach %s from network %s: %w", a.Interface, a.Network, why)
	a.State, a.Failure, a.Failed = Detaching, why.Error(), a.Failed+1
	a.Retry = time.Now().Add(min(firstRetry<<min(a.Failed-1, 16), lastRetry)).UTC()
	return errors.Join(why, n.save(a))
}

// runDel asks for DEL with what ADD was asked.
func (n *Networks) runDel(ctx context.Context, a *Attachment, busy *flock.Lock) error {
	list, err := networks.Parse(a.Config)
	if err != nil {
		return err
	}
	netns := n.Namespace(a.Container)
	if !pinned(netns) {
		netns = "" // the specification: DEL is to succeed without it, as far as it can
	}
	if err := n.plugins(&executor{lock: busy.File(), previous: a.Answer},
		a.PluginDirs...).DelNetworkList(ctx, list.List(), n.conf(a, netns)); err != nil {
		return err
	}
	return failpoint.Hit("cni/deleted")
}

// RetryDue asks again for DELs that failed and have waited long enough. What fails
// again is logged and waits longer.
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
			return // what was not asked has not failed
		}
		if err := n.retry(ctx, a); err != nil {
			n.log.Warn("network still attached to an ended container", "container", a.Container, "error", err, "next",
				a.Retry)
		}
	}
}

// isDue reports whether a DEL that failed is to be asked again.
func (a *Attachment) isDue() bool {
	return a.State == Detaching && a.Failed > 0 && time.Now().After(a.Retry)
}

// retry asks again for a DEL that is still due under its lock: others may have
// asked since, and its container may have been started again and attached anew.
func (n *Networks) retry(ctx context.Context, a *Attachment) error {
	lock, err := n.shareNetwork(ctx, a.Network)
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

// unpinLast unpins the namespace with the container's last attachment, which is
// still recorded: a launch that finds no record may have pinned another.
func (n *Networks) unpinLast(a *Attachment) error {
	left, err := n.AttachmentsOf(a.Container)
	if err != nil || len(left) > 1 {
		return err
	}
	return n.Unpin(a.Container)
}
