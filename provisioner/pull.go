package provisioner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/provisioner/manifest"
	"github.com/mctr/mctr/provisioner/puller"
	"github.com/mctr/mctr/provisioner/store"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sys/unix"
)

// A PullPolicy says when the source of an image is asked.
type PullPolicy string

// The policies, as --pull names them. The zero value is Missing.
const (
	Missing PullPolicy = "missing" // if the image, or the state of a local source, is not in the store
	Always  PullPolicy = "always"  // each time; what is there is not fetched again
	Newer   PullPolicy = "newer"   // each time, yet what is there serves if the source fails
	Never   PullPolicy = "never"
)

// PullOptions say how to pull.
type PullOptions struct {
	Policy   PullPolicy
	Platform string      // os/arch[/variant]; empty for the host's
	Progress Progress    // may be nil
	Auth     puller.Auth // credentials for this pull alone; nil for the provisioner's
}

// Pull brings the image that ref names into the store, unpacked. It wraps
// ErrNotFound, ErrInvalid (the image is not what it claims, or hostile),
// ErrUnavailable, or errdefs' ErrUnauthenticated. Nothing holds the image:
// a launch uses Lease.
func (p *Provisioner) Pull(ctx context.Context, ref string, o PullOptions) (*Image, error) {
	return p.provision(ctx, ref, o, func(*Image) error { return nil })
}

// Lease is Pull, and holder has the image until Release: nothing of it is
// removed meanwhile. A second lease of the same holder replaces the first; one
// that uses several images takes several names, such as ID.volume.
func (p *Provisioner) Lease(ctx context.Context, holder, ref string, o PullOptions) (*Image, error) {
	return p.provision(ctx, ref, o, func(img *Image) error { return p.store.Lease(holder, img) })
}

// provision finds or pulls an image and keeps it, all under the store's lock.
// What a pull that was refused had already brought is removed at once.
func (p *Provisioner) provision(ctx context.Context, ref string, o PullOptions, keep func(*Image) error) (*Image, error) {
	lock, err := p.store.Shared(ctx)
	if err != nil {
		return nil, fmt.Errorf("image %s: lock image store: %w", ref, err)
	}
	img, err := p.find(ctx, ref, o)
	if err == nil {
		err = keep(img)
	}
	err = errors.Join(err, lock.Unlock())
	if errors.Is(err, mctr.ErrInvalid) || errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		_, sweepErr := p.store.Sweep(ctx, store.Sweep{Try: true})
		err = errors.Join(err, sweepErr)
	}
	if err != nil {
		return nil, err
	}
	return img, nil
}

// find does what the policy says.
func (p *Provisioner) find(ctx context.Context, ref string, o PullOptions) (*Image, error) {
	r, have, err := p.local(ref)
	if err != nil && !errors.Is(err, mctr.ErrNotFound) {
		return nil, err
	}
	if r.Kind == puller.Rootfs {
		return rootfs(r)
	}
	if have != nil && (!p.store.Complete(have) || !suits(have, o.Platform)) {
		have = nil
	}
	switch o.Policy {
	case Never:
		if have == nil {
			return nil, fmt.Errorf("image %s is not in the store and is not to be pulled: %w", ref, mctr.ErrNotFound)
		}
		return have, nil
	case Missing, "":
		if have != nil && (have.Stamp == r.Stamp() || have.Reference != r.String()) {
			return have, nil
		}
	case Always, Newer:
	default:
		return nil, fmt.Errorf("pull policy %q: want always, missing, never or newer: %w", o.Policy, mctr.ErrInvalid)
	}
	if r.Kind == "" || have != nil && have.Reference != r.String() {
		return have, err // an id says not where it is from
	}
	img, err := p.pull(ctx, r, o)
	if err != nil && o.Policy == Newer && have != nil && ctx.Err() == nil {
		return have, nil
	}
	return img, err
}

// pull asks the source and brings what the store lacks.
func (p *Provisioner) pull(ctx context.Context, r puller.Reference, o PullOptions) (*Image, error) {
	want, err := manifest.ParsePlatform(o.Platform)
	if err != nil {
		return nil, err
	}
	temp, err := p.store.Temp()
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", r, err)
	}
	src, err := puller.Open(r, p.settings.source(o.Auth, temp))
	if err != nil {
		return nil, err
	}
	defer src.Close()
	t := &transfer{
		store: p.store, settings: p.settings, source: src, ref: r,
		asked: o.Platform, platform: want, progress: serial(o.Progress, r.String()),
		upon: p.upon(),
	}
	img, err := t.run(ctx)
	if err != nil {
		return nil, fmt.Errorf("pull %s: %w", r, err)
	}
	return img, nil
}

// A transfer is one pull under way.
type transfer struct {
	store    *store.Store
	settings settings
	source   puller.Source
	ref      puller.Reference
	asked    string // the platform in the caller's words
	platform v1.Platform
	progress Progress
	upon     uponParents
}

func (t *transfer) run(ctx context.Context) (*Image, error) {
	stamp := t.source.Stamp()
	top, desc, data, err := t.choose(ctx)
	if err != nil {
		return nil, err
	}
	t.progress(Event{Kind: Resolved, Digest: desc.Digest})
	m, err := manifest.Parse(data, t.settings.limits.Limits)
	if err != nil {
		return nil, err
	}
	img := &Image{Reference: t.ref.String(), Digest: desc.Digest, ID: m.Config.Digest, Stamp: stamp}
	if top.Digest != desc.Digest {
		img.Index = top.Digest
	}
	if have, err := t.store.Image(img.Reference); err == nil && t.current(have, img) {
		t.progress(Event{Kind: Done, Digest: desc.Digest})
		return have, nil
	}
	img.Blobs = append([]v1.Descriptor{desc, m.Config}, m.Layers...)
	if err := t.fill(ctx, img, m); err != nil {
		return nil, err
	}
	if err := t.store.Tag(img); err != nil {
		return nil, err
	}
	t.progress(Event{Kind: Done, Digest: desc.Digest})
	return img, nil
}

// current says whether the record at hand is what the source has now.
func (t *transfer) current(have, now *Image) bool {
	return suits(have, t.asked) && have.Digest == now.Digest && have.Index == now.Index && have.Stamp == now.Stamp && t.store.Complete(have)
}

// fill brings config and layers and writes down what they say.
func (t *transfer) fill(ctx context.Context, img *Image, m *v1.Manifest) error {
	if err := t.fetch(ctx, m.Config); err != nil {
		return err
	}
	data, err := t.store.ReadBlob(m.Config)
	if err != nil {
		return err
	}
	c, err := manifest.ParseConfig(data, len(m.Layers), t.settings.limits.Limits)
	if err != nil {
		return err
	}
	if err := checkPlatform(c, t.asked, t.platform); err != nil {
		return err
	}
	img.Platform, img.Config, img.Healthcheck, img.DiffIDs = c.Platform, c.Config, c.Healthcheck, c.RootFS.DiffIDs
	img.Pulled = time.Now().UTC().Truncate(time.Second)
	if c.Created != nil {
		img.Created = *c.Created
	}
	img.Size = m.Config.Size
	for _, l := range m.Layers {
		img.Size += l.Size
	}
	return t.layers(ctx, img, m.Layers)
}

// choose follows the reference to the manifest of one image, through indexes.
// The manifest is in the store afterwards. top is what the reference names.
func (t *transfer) choose(ctx context.Context) (top, desc v1.Descriptor, data []byte, err error) {
	limits := t.settings.limits.Limits.Filled()
	top, data, err = t.source.Resolve(ctx)
	desc = top
	for depth := 0; err == nil; depth++ {
		var index bool
		if index, err = manifest.IsIndex(desc.MediaType, data); err != nil || !index {
			break
		}
		if depth >= limits.Nesting {
			err = fmt.Errorf("more than %d indexes within each other: %w", limits.Nesting, mctr.ErrInvalid)
			break
		}
		desc, data, err = t.child(ctx, data)
	}
	if err != nil || desc.Digest != top.Digest {
		return top, desc, data, err
	}
	return top, desc, data, t.store.Ingest(ctx, desc, opened(data), nil)
}

// child brings the entry of an index that suits the platform.
func (t *transfer) child(ctx context.Context, index []byte) (d v1.Descriptor, data []byte, err error) {
	limits := t.settings.limits.Limits
	parsed, err := manifest.ParseIndex(index, limits)
	if err != nil {
		return d, nil, err
	}
	if d, err = manifest.Choose(parsed, t.platform); err != nil {
		return d, nil, err
	}
	if err := limits.CheckSize("manifest", d.Size); err != nil {
		return d, nil, err
	}
	if err := t.fetch(ctx, d); err != nil {
		return d, nil, err
	}
	data, err = t.store.ReadBlob(d)
	return d, data, err
}

// fetch brings a small blob.
func (t *transfer) fetch(ctx context.Context, d v1.Descriptor) error {
	return t.store.Ingest(ctx, d, t.opener(d), nil)
}

func (t *transfer) opener(d v1.Descriptor) store.Opener {
	return func(ctx context.Context, at int64) (io.ReadCloser, error) { return t.source.Open(ctx, d, at) }
}
