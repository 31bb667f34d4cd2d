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

// Tag makes img.Reference lead to img, durably. What it led to before stays
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

// Image returns what reference leads to. It wraps ErrNotFound; a record that
// cannot be read counts as not found, since a pull makes it anew.
func (s *Store) Image(reference string) (*Image, error) {
	img, err := s.load(s.ref(reference))
	if err != nil || img.Reference != reference {
		return nil, fmt.Errorf("%w: image %s", mctr.ErrNotFound, reference)
	}
	return img, nil
}

// load reads a record and remembers which file it was, for linkLease.
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

// Complete reports whether all layers of img are unpacked.
func (s *Store) Complete(img *Image) bool {
	for _, l := range img.Layers {
		if !s.HasLayer(l.Key) {
			return false
		}
	}
	return true
}

// Whole reports whether img is Complete and its blobs are there too, so that it can
// be written out as it came.
func (s *Store) Whole(img *Image) bool {
	return s.Complete(img) && !slices.ContainsFunc(img.Blobs, func(d v1.Descriptor) bool { return !s.HasBlob(d) })
}

// Images returns all that references lead to, in no order. Records that cannot
// be read are left out.
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

// ByID returns the image whose id starts with prefix (hex, "sha256:" allowed).
// It wraps ErrNotFound when there is none, ErrInvalid when there are several.
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
			return nil, fmt.Errorf("%w: image id %s: several images start so; give more digits", mctr.ErrInvalid,
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

// ref is the file of a reference. Its name is a hash, since references may be
// longer than a file's name and contain slashes.
func (s *Store) ref(reference string) string {
	sum := sha256.Sum256([]byte(reference))
	return s.path("refs", hex.EncodeToString(sum[:16]))
}

// list returns the names in dir but for temporary files; none if there is no dir.
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
