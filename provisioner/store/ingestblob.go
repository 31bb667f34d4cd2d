package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/internal/failpoint"
)

// An Opener opens the content of a blob from the byte at offset on.
type Opener func(ctx context.Context, offset int64) (io.ReadCloser, error)

// attempts is the number of consecutive failures, none of which added a byte, after which a
// download fails.
const attempts = 5

// Ingest fetches a blob into the store unless the store has it. While one process fetches a blob,
// others wait for it and use the result. A download that breaks, or that a killed process left, is
// resumed. Progress is called with the number of bytes on disk; it may be nil.
func (s *Store) Ingest(ctx context.Context, d v1.Descriptor, open Opener, progress func(int64)) error {
	if err := checkDescriptor(d); err != nil {
		return err
	}
	if s.HasBlob(d) {
		return nil
	}
	lock, err := s.lockObject(ctx, "blob-"+d.Digest.Algorithm().String()+"-"+d.Digest.Encoded())
	if err != nil {
		return err
	}
	defer lock.Unlock()
	defer os.Remove(lock.File().Name())
	if s.HasBlob(d) {
		return nil
	}
	if err := s.ingest(ctx, d, open, progress); err != nil {
		return fmt.Errorf("fetch blob %s: %w", d.Digest, err)
	}
	return nil
}

// ingest fetches d; the caller holds its lock. If a resumed download does not match its digest, it
// is fetched once more from the beginning.
func (s *Store) ingest(ctx context.Context, d v1.Descriptor, open Opener, progress func(int64)) error {
	if err := os.MkdirAll(filepath.Dir(s.blob(d.Digest)), 0o700); err != nil {
		return err
	}
	p, err := s.openPart(d)
	if err != nil {
		return err
	}
	defer p.file.Close()
	p.progress = progress
	resumed := p.size > 0
	err = p.fill(ctx, open)
	if errors.Is(err, ErrContent) && resumed {
		if err = p.reset(); err == nil {
			err = p.fill(ctx, open)
		}
	}
	if err != nil {
		if errors.Is(err, ErrContent) || errors.Is(err, mctr.ErrNotFound) {
			_ = os.Remove(p.file.Name())
		}
		return err
	}
	return s.commitBlob(d.Digest, p.file)
}

func (s *Store) commitBlob(d digest.Digest, f *os.File) error {
	if err := f.Sync(); err != nil {
		return err
	}
	if err := failpoint.Hit(PointBlob); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), s.blob(d)); err != nil {
		return err
	}
	if err := failpoint.Hit(PointBlobNamed); err != nil {
		return err
	}
	return atomicfile.SyncDir(filepath.Dir(s.blob(d)))
}
