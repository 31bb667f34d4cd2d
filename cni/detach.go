package cni

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/failpoint"
	"github.com/mctr/mctr/internal/flock"
)

const (
	// firstRetry is how long a DEL that failed is left alone at first; it doubles up
	// to lastRetry.
	firstRetry = 10 * time.Second
	lastRetry  = time.Hour
	// retryTime is what all DELs that are asked again may take together: somebody
	// else's end waits meanwhile.
	retryTime = 10 * time.Second
	// orphanTime bounds the wait for plugins whose caller has died.
	orphanTime = 30 * time.Second
)

// Detach takes back all of a container's attachments, the last one first, and
// unpins its namespace. It goes on past errors. An attachment whose DEL fails stays
// recorded, with the reason: the container's end does not wait for it.
func (n *Networks) Detach(ctx context.Context, id mctr.ContainerID) error {
	attachments, err := n.Of(id)
	errs := []error{err}
	for i := range attachments {
		errs = append(errs, n.detach(ctx, attachments[len(attachments)-1-i]))
	}
	return errors.Join(append(errs, n.Unpin(id))...)
}

func (n *Networks) detach(ctx context.Context, a *Attachment) error {
	lock, err := n.shareNetwork(ctx, a.Network)
	if err != nil {
		return err
	}
	defer lock.Unlock() // closing a lock file cannot fail usefully
	return n.del(ctx, a)
}

// del asks for DEL with what ADD was asked, and drops the record.
func (n *Networks) del(ctx context.Context, a *Attachment) error {
	err := n.ask(ctx, a)
	if err == nil {
		err = failpoint.Hit("cni/deleted")
	}
	if err == nil {
		return n.forget(a)
	}
	err = fmt.Errorf("detach %s from network %s: %w", a.Interface, a.Network, err)
	a.State, a.Failure, a.Failed = Detaching, err.Error(), a.Failed+1
	a.Retry = time.Now().Add(min(firstRetry<<min(a.Failed-1, 16), lastRetry)).UTC()
	return errors.Join(err, n.save(a))
}

// ask asks for DEL once the plugins of a caller that died have ended: one that
// still adds would add what nobody takes away.
func (n *Networks) ask(ctx context.Context, a *Attachment) error {
	list, err := parse(a.Config)
	if err != nil {
		return err
	}
	bounded, cancel := context.WithTimeout(ctx, orphanTime)
	defer cancel()
	busy, err := flock.Exclusive(bounded, lockOf(n.path(a)))
	if err != nil {
		return fmt.Errorf("wait for the plugins that an earlier mctr started: %w", err)
	}
	netns := n.Namespace(a.Container)
	if !pinned(netns) {
		netns = "" // the specification: DEL is to succeed without it, as far as it can
	}
	err = n.plugins(&executor{lock: busy.File()}, a.PluginDirs...).DelNetworkList(ctx, list.list, n.conf(a, netns))
	if err != nil {
		return errors.Join(err, busy.Unlock())
	}
	return busy.Remove()
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
		if a.State != Detaching || a.Failed == 0 || time.Now().Before(a.Retry) {
			continue
		}
		if err := n.detach(ctx, a); err != nil {
			n.log.Warn("network still attached to an ended container", "container", a.Container, "error", err, "next", a.Retry)
		}
	}
}
