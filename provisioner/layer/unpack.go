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

// ErrNeedsParents is returned for a layer that cannot be unpacked by itself:
// some parent directory, link target or whited-out path is not its own, or it
// names one path as two kinds of thing.
var ErrNeedsParents = errors.New("layer needs its parents to be unpacked upon")

// ErrDiffID is returned when the content is not what the image config says.
var ErrDiffID = fmt.Errorf("%w: layer's content is not what the image config says", mctr.ErrInvalid)

// A Form is what the directory is that a layer is unpacked to.
type Form int

const (
	// Alone unpacks to a directory of its own, in overlayfs form.
	Alone Form = iota
	// OnParents unpacks upon the layer's parents, on a mounted overlay of them.
	OnParents
	// Merged unpacks into a plain tree of the layer's parents, without overlayfs.
	Merged
)

// Options say how to unpack.
type Options struct {
	Form   Form
	DiffID digest.Digest // to be met; sha256 or sha512
	Size   int64         // of the compressed stream, for the limit on expansion; 0 if unknown
	Limits Limits
}

// Unpack unpacks the layer that r brings, compressed or not, into dir. If it
// fails, dir is in no defined state, yet nothing outside of it was touched.
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
	// What follows the end of the archive counts for the digest as well.
	if _, err := io.Copy(io.Discard, tee); err != nil {
		return u.result, invalidUnlessHosts(err)
	}
	if got := digest.NewDigest(o.DiffID.Algorithm(), hash); got != o.DiffID {
		return u.result, fmt.Errorf("%w: diffID %s, want %s", ErrDiffID, got, o.DiffID)
	}
	return u.result, nil
}

// An unpacker is one layer on its way to disk.
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
		return nil // says something of entries; git-archive puts its commit there
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

// hostErrors are the failures that are not the layer's fault.
var hostErrors = []error{
	context.Canceled, context.DeadlineExceeded, unix.ENOSPC, unix.EDQUOT, unix.EIO, unix.EROFS,
	unix.EMFILE, unix.ENFILE, unix.ENOMEM, unix.EACCES, unix.EFBIG, unix.EOVERFLOW,
}

// invalidUnlessHosts makes all that the layer is to blame for match ErrInvalid.
func invalidUnlessHosts(err error) error {
	for _, h := range append(hostErrors, mctr.ErrInvalid) {
		if errors.Is(err, h) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", mctr.ErrInvalid, err)
}
