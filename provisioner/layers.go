package provisioner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/failpoint"
	"github.com/mctr/mctr/internal/ownthread"
	"github.com/mctr/mctr/internal/tree"
	"github.com/mctr/mctr/provisioner/backend"
	"github.com/mctr/mctr/provisioner/backend/copy"
	"github.com/mctr/mctr/provisioner/backend/overlay"
	"github.com/mctr/mctr/provisioner/layer"
	"github.com/mctr/mctr/provisioner/manifest"
	"github.com/mctr/mctr/provisioner/store"
)

// bytesOpener returns an opener of content that is in memory.
func bytesOpener(data []byte) store.Opener {
	return func(_ context.Context, at int64) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data[at:])), nil
	}
}

// layers fetches and unpacks all layers: first, several at a time, those that can be
// unpacked alone, then the others, each on top of the layers beneath it.
func (t *transfer) layers(ctx context.Context, img *Image, descs []v1.Descriptor) error {
	todo := newStackPlan(img.DiffIDs, descs)
	g, ctx2 := errgroup.WithContext(ctx)
	g.SetLimit(t.settings.concurrency)
	for i := range todo {
		g.Go(func() error { return t.unpackAlone(ctx2, &todo[i]) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i := range todo {
		if err := t.unpackOnOthers(ctx, todo, i); err != nil {
			return err
		}
		img.Layers = append(img.Layers, todo[i].ref)
		if img.Unpacked += todo[i].bytes; img.Unpacked > t.settings.limits.Layer.Filled().Bytes {
			return fmt.Errorf("%w: the layers unpack to more than %d bytes", layer.ErrLimit,
				t.settings.limits.Layer.Filled().Bytes)
		}
	}
	return nil
}

// A step is one layer of the stack.
type step struct {
	desc   v1.Descriptor
	diffID digest.Digest
	chain  digest.Digest
	ref    store.LayerRef // empty until it is unpacked
	bytes  int64
}

func newStackPlan(diffIDs []digest.Digest, descs []v1.Descriptor) []step {
	chain := manifest.ChainIDs(diffIDs)
	todo := make([]step, len(descs))
	for i := range descs {
		todo[i] = step{desc: descs[i], diffID: diffIDs[i], chain: chain[i]}
	}
	return todo
}

func (s *step) done(key string, l store.Layer) {
	s.ref = store.LayerRef{Key: key, Root: l.Root}
	s.bytes = l.Bytes
}

// unpackAlone finds the layer in the store or, if the layer does not depend on its parents, unpacks it by itself.
func (t *transfer) unpackAlone(ctx context.Context, s *step) error {
	for _, key := range []string{store.DiffKey(s.diffID), store.ChainKey(s.chain), store.TreeKey(s.chain)} {
		if l, ok := t.store.Layer(key); ok {
			if err := t.fetchLayer(ctx, s.desc); err != nil { // the blob may be the same files, compressed differently
				return fmt.Errorf("layer %s: %w", s.desc.Digest, err)
			}
			s.done(key, l)
			t.progress(Event{Kind: Exists, Digest: s.desc.Digest, Done: s.desc.Size, Total: s.desc.Size})
			return nil
		}
	}
	key := store.DiffKey(s.diffID)
	l, err := t.store.MakeLayer(ctx, key, func(dir string) (store.Layer, error) {
		return t.unpack(ctx, s, dir, layer.Alone)
	})
	if errors.Is(err, layer.ErrNeedsParents) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("layer %s: %w", s.desc.Digest, err)
	}
	s.done(key, l)
	return nil
}

// unpackOnOthers unpacks layer i, which could not be unpacked alone, on top of the
// layers beneath it.
func (t *transfer) unpackOnOthers(ctx context.Context, todo []step, i int) error {
	s := &todo[i]
	if s.ref.Key != "" {
		return nil
	}
	var refs []store.LayerRef
	for _, below := range todo[:i] {
		refs = append(refs, below.ref)
	}
	key, l, err := t.upon(ctx, t, s, lowers(t.store, refs))
	if err != nil {
		return fmt.Errorf("layer %s: %w", s.desc.Digest, err)
	}
	s.done(key, l)
	return nil
}

// A parentsUnpacker unpacks a layer on top of its parents.
type parentsUnpacker func(ctx context.Context, t *transfer, s *step,
	parents []backend.Lower) (string, store.Layer, error)

// unpackOnParents returns the unpacker that the configured backend calls for.
func (p *Provisioner) unpackOnParents() parentsUnpacker {
	switch p.settings.backend {
	case "overlay":
		return unpackOnOverlay
	case "copy":
		return unpackOnCopy
	}
	return func(ctx context.Context, t *transfer, s *step, parents []backend.Lower) (string, store.Layer, error) {
		key, l, err := unpackOnOverlay(ctx, t, s, parents)
		if errors.Is(err, mctr.ErrUnsupported) {
			return unpackOnCopy(ctx, t, s, parents)
		}
		return key, l, err
	}
}

func unpackOnOverlay(ctx context.Context, t *transfer, s *step, parents []backend.Lower) (string, store.Layer, error) {
	key := store.ChainKey(s.chain)
	l, err := t.store.MakeLayer(ctx, key, func(dir string) (l store.Layer, err error) {
		scratch, err := t.store.TempDir("upon")
		if err != nil {
			return l, err
		}
		defer func() { err = errors.Join(err, tree.Remove(scratch)) }()
		if root, ok := backend.RootOf(parents); ok {
			if err := backend.CopyMeta(root, dir); err != nil {
				return l, err
			}
		}
		err = overlay.WriteOn(parents, dir, scratch, func(merged string) (err error) {
			if l, err = t.unpack(ctx, s, merged, layer.OnParents); err != nil {
				return err
			}
			return failpoint.Hit(store.PointOnParents)
		})
		return l, err
	})
	return key, l, err
}

func unpackOnCopy(ctx context.Context, t *transfer, s *step, parents []backend.Lower) (string, store.Layer, error) {
	key := store.TreeKey(s.chain)
	l, err := t.store.MakeLayer(ctx, key, func(dir string) (l store.Layer, err error) {
		if err := copy.Apply(ctx, parents, dir, nil); err != nil {
			return l, err
		}
		err = ownthread.Run(0, func() (err error) {
			l, err = t.unpack(ctx, s, dir, layer.Merged)
			return err
		})
		return l, err
	})
	return key, l, err
}

// unpack fetches the layer's blob, unless the store has it, and unpacks it to dir. A
// blob that proves damaged on disk is removed, so that the next pull fetches it again.
func (t *transfer) unpack(ctx context.Context, s *step, dir string, form layer.Form) (store.Layer, error) {
	if err := t.fetchLayer(ctx, s.desc); err != nil {
		return store.Layer{}, err
	}
	t.progress(Event{Kind: Unpacking, Digest: s.desc.Digest, Done: s.desc.Size, Total: s.desc.Size})
	f, err := t.store.OpenBlob(s.desc.Digest)
	if err != nil {
		return store.Layer{}, err
	}
	defer f.Close()
	l, err := layer.Unpack(ctx, f, dir, layer.Options{
		Form: form, DiffID: s.diffID, Size: s.desc.Size, Limits: t.settings.limits.Layer,
	})
	if errors.Is(err, mctr.ErrInvalid) {
		err = errors.Join(err, t.store.CheckBlob(s.desc.Digest))
	}
	if err == nil {
		t.progress(Event{Kind: Unpacked, Digest: s.desc.Digest, Done: s.desc.Size, Total: s.desc.Size})
	}
	return l, err
}

func (t *transfer) fetchLayer(ctx context.Context, d v1.Descriptor) error {
	if max := t.settings.limits.Layer.Filled().Bytes; d.Size > max {
		return fmt.Errorf("%w: %d bytes, more than the %d that layers may have", layer.ErrLimit, d.Size, max)
	}
	return t.fetchBlob(ctx, d, func(done int64) {
		t.progress(Event{Kind: Fetching, Digest: d.Digest, Done: done, Total: d.Size})
	})
}

// lowers returns the directories of a stack of layers, starting at the topmost layer that is a whole tree.
func lowers(s *store.Store, refs []store.LayerRef) []backend.Lower {
	var all []backend.Lower
	for _, r := range refs {
		if store.IsTree(r.Key) {
			all = nil
		}
		all = append(all, backend.Lower{Dir: filepath.Clean(s.LayerDir(r.Key)), Root: r.Root})
	}
	return all
}
