package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/internal/failpoint"
	"github.com/mctr/mctr/internal/fields"
)

// Tag writes img as the record of img.Reference, durably. What the reference named before remains
// until the next Sweep.
func (s *Store) Tag(img *Image) error {
	if err := s.prepare(); err != nil {
		return err
	}
	if err := failpoint.Hit(PointRef); err != nil {
		return err
	}
	if err := atomicfile.WriteDurableJSON(s.ref(img.Reference), img); err != nil {
		return fmt.Errorf("record %s: %w", img.Reference, err)
	}
	return failpoint.Hit(PointRefNamed)
}

// Image returns the record of reference. If there is none, the error wraps mctr.ErrNotFound; an
// unreadable record counts as missing, because a pull writes it again.
func (s *Store) Image(reference string) (*Image, error) {
	img, err := s.load(s.ref(reference))
	if err != nil || img.Reference != reference {
		return nil, fmt.Errorf("%w: image %s", mctr.ErrNotFound, reference)
	}
	return img, nil
}

// load reads a record and remembers its file, for linkLease.
func (s *Store) load(path string) (*Image, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	img := &Image{}
	if img.file, err = f.Stat(); err != nil {
		return nil, err
	}
	data := make([]byte, img.file.Size())
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, err
	}
	return img, fields.Unmarshal(data, img)
}

// Complete returns true if all layers of img are unpacked.
func (s *Store) Complete(img *Image) bool {
	for _, l := range img.Layers {
		if !s.HasLayer(l.Key) {
			return false
		}
	}
	return true
}

// Whole returns true if img is Complete and the store has all its blobs, so that the image can be
// saved.
func (s *Store) Whole(img *Image) bool {
	return s.Complete(img) && !slices.ContainsFunc(img.Blobs, func(d v1.Descriptor) bool { return !s.HasBlob(d) })
}

// Images returns all records in unspecified order, without those that are unreadable.
func (s *Store) Images() ([]*Image, error) {
	names, err := list(s.path("refs"))
	if err != nil {
		return nil, err
	}
	var all []*Image
	for _, n := range names {
		if img, err := s.load(s.path("refs", n)); err == nil && s.path("refs", n) == s.ref(img.Reference) {
			all = append(all, img)
		}
	}
	return all, nil
}

// ByID returns the image whose id starts with prefix (hex, with or without "sha256:"). The error
// wraps mctr.ErrNotFound if there is none and mctr.ErrInvalid if several images match.
func (s *Store) ByID(prefix string) (*Image, error) {
	all, err := s.Images()
	if err != nil {
		return nil, err
	}
	var found *Image
	for _, img := range all {
		if !hasPrefix(img.ID, prefix) {
			continue
		}
		if found != nil && found.ID != img.ID {
			return nil, fmt.Errorf("%w: image id %s: several images match; give more digits", mctr.ErrInvalid,
				prefix)
		}
		found = img
	}
	if found == nil {
		return nil, fmt.Errorf("%w: image id %s", mctr.ErrNotFound, prefix)
	}
	return found, nil
}

func hasPrefix(id digest.Digest, prefix string) bool {
	_, hex, _ := strings.Cut(string(id), ":")
	return strings.HasPrefix(hex, strings.TrimPrefix(prefix, "sha256:"))
}

// ref returns the file of a reference. Its name is a hash because references can be longer than
// file names and contain slashes.
func (s *Store) ref(reference string) string {
	sum := sha256.Sum256([]byte(reference))
	return s.path("refs", hex.EncodeToString(sum[:16]))
}

// list returns the names in dir without temporary files, and none if dir does not exist.
func list(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if !atomicfile.IsTemp(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}
