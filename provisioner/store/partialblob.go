package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"time"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/failpoint"
)

// A partialBlob is an incomplete download: its file under tmp and the hash of its content.
type partialBlob struct {
	desc     v1.Descriptor
	file     *os.File
	hash     hash.Hash
	size     int64
	progress func(int64)
}

// openPart opens the file for d's download and hashes what an earlier download left in it.
func (s *Store) openPart(d v1.Descriptor) (*partialBlob, error) {
	name := s.path("tmp", "blob-"+d.Digest.Algorithm().String()+"-"+d.Digest.Encoded())
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	p := &partialBlob{desc: d, file: f, hash: d.Digest.Algorithm().Hash()}
	if p.size, err = io.Copy(p.hash, f); err == nil && p.size > d.Size {
		err = p.reset()
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return p, nil
}

func (p *partialBlob) reset() error {
	p.size = 0
	p.hash.Reset()
	if err := p.file.Truncate(0); err != nil {
		return err
	}
	_, err := p.file.Seek(0, io.SeekStart)
	return err
}

// fill downloads until the declared size is reached and compares the digest. It gives up after
// several consecutive failures that gain nothing.
func (p *partialBlob) fill(ctx context.Context, open Opener) error {
	for failures := 0; p.size < p.desc.Size; {
		before := p.size
		err := p.appendFrom(ctx, open)
		if err == nil {
			break
		}
		if failures++; p.size > before {
			failures = 1
		}
		if failures >= attempts || !resumable(err) {
			return err
		}
		if err := pause(ctx, failures); err != nil {
			return err
		}
	}
	if got := digest.NewDigest(p.desc.Digest.Algorithm(), p.hash); got != p.desc.Digest {
		return fmt.Errorf("%w: its digest is %s", ErrContent, got)
	}
	return nil
}

// appendFrom opens the content once and appends it, never beyond the declared size.
func (p *partialBlob) appendFrom(ctx context.Context, open Opener) error {
	body, err := open(ctx, p.size)
	if err != nil {
		return err
	}
	defer body.Close()
	buf := make([]byte, 256<<10)
	for {
		n, readErr := body.Read(buf)
		if p.size+int64(n) > p.desc.Size {
			return fmt.Errorf("%w: more than the %d bytes declared", ErrContent, p.desc.Size)
		}
		if err := p.append(buf[:n]); err != nil {
			return err
		}
		switch {
		case errors.Is(readErr, io.EOF) && p.size == p.desc.Size:
			return nil
		case errors.Is(readErr, io.EOF):
			return fmt.Errorf("received %d of %d bytes: %w", p.size, p.desc.Size, io.ErrUnexpectedEOF)
		case readErr != nil:
			return readErr
		}
	}
}

func (p *partialBlob) append(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if _, err := p.file.Write(b); err != nil {
		return &diskError{err}
	}
	p.hash.Write(b)
	p.size += int64(len(b))
	if p.progress != nil {
		p.progress(p.size)
	}
	return failpoint.Hit(PointBlobPart)
}

// A diskError is a local failure, against which another attempt to fetch does not help.
type diskError struct{ error }

func (e *diskError) Unwrap() error { return e.error }

// ErrFinal marks an Opener's error after which Ingest must not call it again.
var ErrFinal = errors.New("final")

// resumable returns true if another attempt may succeed.
func resumable(err error) bool {
	if _, ok := errors.AsType[*diskError](err); ok {
		return false
	}
	for _, final := range []error{
		ErrFinal, context.Canceled, context.DeadlineExceeded, failpoint.ErrInjected, mctr.ErrInvalid, mctr.ErrNotFound,
		mctr.ErrUnsupported, errdefs.ErrPermissionDenied, errdefs.ErrUnauthenticated,
	} {
		if errors.Is(err, final) {
			return false
		}
	}
	return true
}

// pause waits before attempt n+1: 100 ms, doubling.
func pause(ctx context.Context, n int) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(50 * time.Millisecond << n):
		return nil
	}
}

// Put stores a small document from memory and returns its descriptor.
func (s *Store) Put(ctx context.Context, mediaType string, data []byte) (v1.Descriptor, error) {
	d := v1.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
	return d, s.Ingest(ctx, d, func(_ context.Context, offset int64) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data[offset:])), nil
	}, nil)
}
