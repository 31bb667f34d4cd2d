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

// An Opener opens a blob's content from the byte at offset on.
type Opener func(ctx context.Context, offset int64) (io.ReadCloser, error)

// attempts is how often a download may break in a row without a byte gained.
const attempts = 5

// Ingest brings a blob into the store unless it is there. While one process
// fetches it, others wait and then use what that one brought. A download that
// breaks is resumed where it broke, also one that a killed process left.
// Progress is told the bytes at hand; it may be nil.
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

// ingest fetches d, whose lock is held. A part that was left from before and
// does not lead to the digest is thrown away once, then fetched whole.
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
