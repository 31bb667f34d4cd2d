package layer

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"
	umoci "github.com/opencontainers/umoci/oci/layer"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/provisioner/store"
)

// ErrNeedsParents is returned for a layer that cannot be unpacked without its parents: it lacks a
// parent directory, link target or whited-out path of an entry, or it has one path as two kinds of
// file.
var ErrNeedsParents = errors.New("layer can only be unpacked on its parents")

// ErrDiffID is returned for a layer whose content does not match the diffID in the image config.
var ErrDiffID = fmt.Errorf("%w: layer's content does not match the image config", mctr.ErrInvalid)

// A Form is the form of the directory that a layer is unpacked to.
type Form int

const (
	// Alone unpacks to an empty directory, in overlayfs form.
	Alone Form = iota
	// OnParents unpacks onto a mounted overlay of the layer's parents.
	OnParents
	// Merged unpacks into a plain tree of the layer's parents, without overlayfs.
	Merged
)

// Options configures Unpack.
type Options struct {
	Form   Form
	DiffID digest.Digest // the expected digest; sha256 or sha512
	Size   int64         // of the compressed stream, for the limit on expansion; 0 if unknown
	Limits Limits
}

// Unpack unpacks the layer that r delivers, compressed or not, into dir. If it fails, the content
// of dir is undefined, but nothing outside dir was changed.
func Unpack(ctx context.Context, r io.Reader, dir string, o Options) (store.Layer, error) {
	o.Limits = o.Limits.Filled()
	plain, err := Decompress(r)
	if err != nil {
		return store.Layer{}, err
	}
	defer plain.Close()
	u := newUnpacker(dir, o)
	in := &stream{ctx: ctx, r: plain, left: u.maxBytes, max: u.maxBytes}
	hash := o.DiffID.Algorithm().Hash()
	tee := io.TeeReader(in, hash)
	if err := u.entries(tee); err != nil {
		return u.result, err
	}
	// The digest includes what follows the end of the archive.
	if _, err := io.Copy(io.Discard, tee); err != nil {
		return u.result, invalidUnlessHosts(err)
	}
	if got := digest.NewDigest(o.DiffID.Algorithm(), hash); got != o.DiffID {
		return u.result, fmt.Errorf("%w: diffID %s, want %s", ErrDiffID, got, o.DiffID)
	}
	return u.result, nil
}

// An unpacker unpacks one layer.
type unpacker struct {
	dir      string
	options  Options
	maxBytes int64
	extract  *umoci.TarExtractor
	own      ownership
	result   store.Layer
}

func newUnpacker(dir string, o Options) *unpacker {
	var form umoci.OnDiskFormat = umoci.DirRootfs{}
	if o.Form == Alone {
		form = umoci.OverlayfsRootfs{}
	}
	return &unpacker{
		dir:      dir,
		options:  o,
		maxBytes: o.Limits.bytes(o.Size),
		extract:  umoci.NewTarExtractor(&umoci.UnpackOptions{OnDiskFormat: form}),
		own:      ownership{},
		result:   store.Layer{DiffID: o.DiffID, Root: o.Form != Alone},
	}
}

func (u *unpacker) entries(r io.Reader) error {
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read layer: %w", invalidUnlessHosts(err))
		}
		if err := u.entry(h, t); err != nil {
			return fmt.Errorf("layer entry %.200q: %w", h.Name, err)
		}
	}
}

func (u *unpacker) entry(h *tar.Header, content io.Reader) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil // defaults for other entries; git-archive stores its commit there
	}
	if err := u.count(h); err != nil {
		return err
	}
	if err := sanitise(h, u.options.Form); err != nil {
		return err
	}
	if u.options.Form == Alone {
		if err := u.own.add(h); err != nil {
			return err
		}
	}
	if h.Name == "." && h.Typeflag == tar.TypeDir {
		u.result.Root = true
	}
	if err := u.extract.UnpackEntry(u.dir, h, content); err != nil {
		return invalidUnlessHosts(err)
	}
	return nil
}

// hostErrors lists the failures that are not the layer's fault.
var hostErrors = []error{
	context.Canceled, context.DeadlineExceeded, unix.ENOSPC, unix.EDQUOT, unix.EIO, unix.EROFS,
	unix.EMFILE, unix.ENFILE, unix.ENOMEM, unix.EACCES, unix.EFBIG, unix.EOVERFLOW,
}

// invalidUnlessHosts adds mctr.ErrInvalid to an error that is the layer's fault.
func invalidUnlessHosts(err error) error {
	for _, h := range append(hostErrors, mctr.ErrInvalid) {
		if errors.Is(err, h) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", mctr.ErrInvalid, err)
}
