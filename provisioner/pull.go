package provisioner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/provisioner/manifest"
	"github.com/mctr/mctr/provisioner/puller"
	"github.com/mctr/mctr/provisioner/store"
)

// A PullPolicy says when to ask the source of an image.
type PullPolicy string

// The policies, as --pull names them. The zero value is Missing.
const (
	Missing PullPolicy = "missing" // if the store lacks the image, or a local source has changed
	Always  PullPolicy = "always"  // each time; blobs in the store are not fetched again
	Newer   PullPolicy = "newer"   // each time, but the image in the store is used if the source fails
	Never   PullPolicy = "never"
)

// PullOptions say how to pull.
type PullOptions struct {
	Policy   PullPolicy
	Platform string      // os/arch[/variant]; empty for the host's
	Progress Progress    // may be nil
	Auth     puller.Auth // credentials for this pull alone; nil for the provisioner's
}

// Pull fetches the image that ref names into the store, and unpacks it. The error wraps
// ErrNotFound, ErrInvalid (the image does not match its digests, or is hostile),
// ErrUnavailable, or errdefs' ErrUnauthenticated. No lease holds the image afterwards:
// a launch uses Lease.
func (p *Provisioner) Pull(ctx context.Context, ref string, o PullOptions) (*Image, error) {
	return p.provision(ctx, ref, o, func(*Image) error { return nil })
}

// Lease is Pull, and gives holder a lease on the image: nothing of the image is removed
// until Release. A second lease of the same holder replaces the first; a holder that
// uses several images takes several names, such as ID@volume.
func (p *Provisioner) Lease(ctx context.Context, holder, ref string, o PullOptions) (*Image, error) {
	return p.provision(ctx, ref, o, func(img *Image) error { return p.store.Lease(holder, img) })
}

// provision finds or pulls an image and calls keep with it, all under the store's lock.
// What a failed pull fetched is removed at once if no later pull can use it.
func (p *Provisioner) provision(ctx context.Context, ref string, o PullOptions,
	keep func(*Image) error) (*Image, error) {
	lock, err := p.store.Shared(ctx)
	if err != nil {
		return nil, fmt.Errorf("lock the image store for %s: %w", ref, err)
	}
	img, err := p.find(ctx, ref, o)
	if err == nil {
		err = keep(img)
	}
	lock.Unlock()
	if err = p.removeGarbage(ctx, err); err != nil {
		return nil, err
	}
	return img, nil
}

// removeGarbage removes what a failed pull left that is of no use. The caller does not hold the store's lock.
func (p *Provisioner) removeGarbage(ctx context.Context, err error) error {
	if !leavesGarbage(err) {
		return err
	}
	_, sweepErr := p.store.Sweep(ctx, store.Sweep{Try: true})
	return errors.Join(err, sweepErr)
}

// A pullError is the failure of a pull, or of a load, after it began.
type pullError struct {
	op, object string
	err        error
}

// Error returns the cause first.
func (e *pullError) Error() string { return fmt.Sprintf("%v (%s %s)", e.err, e.op, e.object) }
func (e *pullError) Unwrap() error { return e.err }

// leavesGarbage returns true if a pull failed in a way that makes its blobs useless to the
// next pull: the image is hostile, or the disk is full. After a lost connection they are useful.
func leavesGarbage(err error) bool {
	var failed *pullError
	return errors.As(err, &failed) &&
		(errors.Is(err, mctr.ErrInvalid) || errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT))
}

// find returns the image in the store or pulls it, as the policy says.
func (p *Provisioner) find(ctx context.Context, ref string, o PullOptions) (*Image, error) {
	r, have, err := p.local(ref)
	if err != nil && !errors.Is(err, mctr.ErrNotFound) {
		return nil, err
	}
	if r.Kind == puller.Rootfs {
		return rootfs(r)
	}
	if have != nil && (!p.store.Complete(have) || !matchesPlatform(have, o.Platform)) {
		have = nil
	}
	switch o.Policy {
	case Never:
		if have == nil {
			return nil, fmt.Errorf("%w: image %s is not in the store and is not to be pulled", mctr.ErrNotFound, ref)
		}
		return have, nil
	case Missing, "":
		if have != nil && (have.Stamp == r.Stamp() || have.Reference != r.String()) {
			return have, nil
		}
	case Always, Newer:
	default:
		return nil, fmt.Errorf("%w: pull policy %q: want always, missing, never or newer", mctr.ErrInvalid, o.Policy)
	}
	if r.Kind == "" || have != nil && have.Reference != r.String() {
		return have, err // an id does not name a source
	}
	img, err := p.pull(ctx, r, o)
	if err != nil && o.Policy == Newer && have != nil && ctx.Err() == nil {
		return have, nil
	}
	return img, err
}

// pull asks the source and fetches what the store lacks.
func (p *Provisioner) pull(ctx context.Context, r puller.Reference, o PullOptions) (*Image, error) {
	want, err := manifest.ParsePlatform(o.Platform)
	if err != nil {
		return nil, err
	}
	temp, err := p.store.Temp()
	if err != nil {
		return nil, fmt.Errorf("%w (pull %s)", err, r)
	}
	progress := serial(o.Progress, r.String())
	source := p.settings.source(o.Auth, temp)
	source.Waiting = func(host string, wait time.Duration) {
		progress(Event{Kind: Waiting, Host: host, Wait: mctr.Duration(wait)})
	}
	src, err := puller.Open(r, source)
	if err != nil {
		return nil, fmt.Errorf("%w (pull %s)", err, r)
	}
	defer src.Close()
	t := &transfer{
		store: p.store, settings: p.settings, source: src, ref: r.String(),
		asked: o.Platform, platform: want, progress: progress,
		upon: p.unpackOnParents(),
	}
	img, err := t.run(ctx)
	if err != nil {
		return nil, &pullError{"pull", r.String(), err}
	}
	return img, nil
}
