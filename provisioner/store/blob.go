package store

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/mctr/mctr"
)

// ErrContent marks content that does not match its digest or size.
var ErrContent = fmt.Errorf("%w: content does not match its descriptor", mctr.ErrInvalid)

// HasBlob returns true if the store has the blob. A blob gets its name only after a check of its
// digest, so HasBlob compares only the size.
func (s *Store) HasBlob(d v1.Descriptor) bool {
	info, err := os.Lstat(s.blob(d.Digest))
	return err == nil && info.Mode().IsRegular() && info.Size() == d.Size
}

// OpenBlob opens a blob of the store.
func (s *Store) OpenBlob(d digest.Digest) (*os.File, error) {
	f, err := os.Open(s.blob(d))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: blob %s", mctr.ErrNotFound, d)
	}
	return f, err
}

// ReadBlob returns a small blob after another check of its digest.
func (s *Store) ReadBlob(d v1.Descriptor) ([]byte, error) {
	f, err := s.OpenBlob(d.Digest)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, d.Size+1))
	if err != nil {
		return nil, fmt.Errorf("read blob %s: %w", d.Digest, err)
	}
	if d.Digest.Algorithm().FromBytes(data) != d.Digest {
		return nil, fmt.Errorf("%w: blob %s", ErrContent, d.Digest)
	}
	return data, nil
}

// CheckBlob reads a blob and compares its digest. It removes a damaged blob, which the next pull
// will fetch again, and returns ErrContent.
func (s *Store) CheckBlob(d digest.Digest) error {
	f, err := s.OpenBlob(d)
	if err != nil {
		return err
	}
	defer f.Close()
	got, err := d.Algorithm().FromReader(f)
	if err != nil {
		return fmt.Errorf("read blob %s: %w", d, err)
	}
	if got == d {
		return nil
	}
	if err := os.Remove(s.blob(d)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove damaged blob %s: %w", d, err)
	}
	return fmt.Errorf("%w: blob %s on disk is %s", ErrContent, d, got)
}

func (s *Store) blob(d digest.Digest) string {
	return s.path("blobs", d.Algorithm().String(), d.Encoded())
}

// checkDescriptor refuses descriptors whose digest is not a valid file name.
func checkDescriptor(d v1.Descriptor) error {
	if err := d.Digest.Validate(); err != nil {
		return fmt.Errorf("%w: digest %.80q: %w", mctr.ErrInvalid, string(d.Digest), err)
	}
	if d.Size < 0 {
		return fmt.Errorf("%w: blob %s: size %d", mctr.ErrInvalid, d.Digest, d.Size)
	}
	return nil
}
