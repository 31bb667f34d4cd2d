package store

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/internal/failpoint"
)

// holderName is what a holder may be called: it is the name of a file.
var holderName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.@-]{0,199}$`)

// Lease records that holder uses img, until Release. The caller holds the
// store's lock shared since before it looked img up. A second lease of the same
// holder replaces the first. Nothing is synced: see the package.
func (s *Store) Lease(holder string, img *Image) error {
	if !holderName.MatchString(holder) {
		return fmt.Errorf(
			"%w: lease holder %.80q: want a letter or digit, then at most 199 of letters, digits, _ . @ -",
			mctr.ErrInvalid, holder)
	}
	if err := failpoint.Hit(PointLease); err != nil {
		return err
	}
	if err := s.lease(s.path("leases", holder), img); err != nil {
		return fmt.Errorf("lease %s for %s: %w", img.Reference, holder, err)
	}
	return failpoint.Hit(PointLeased)
}

// lease links the record, which is never changed in place, under the holder's
// name. Where there is no such record, or it is another by now, a copy is written.
func (s *Store) lease(path string, img *Image) error {
	if img.Rootfs == "" && s.linkLease(path, img) {
		return nil
	}
	if err := s.prepare(); err != nil {
		return err
	}
	return atomicfile.WriteJSON(path, img)
}

// linkLease costs two system calls. It fails when the record is not, or no
// longer, the file that img was read from.
func (s *Store) linkLease(path string, img *Image) bool {
	if img.file == nil || os.Link(s.ref(img.Reference), path) != nil {
		return false
	}
	linked, err := os.Lstat(path)
	return err == nil && os.SameFile(linked, img.file) && linked.ModTime().Equal(img.file.ModTime())
}

// Release drops holder's lease. One that is not there is no error.
func (s *Store) Release(holder string) error {
	if !holderName.MatchString(holder) {
		return fmt.Errorf("%w: lease holder %.80q", mctr.ErrInvalid, holder)
	}
	if err := os.Remove(s.path("leases", holder)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("release image lease of %s: %w", holder, err)
	}
	return nil
}

// ReleaseAll drops the leases of holder and of holder with "@" and anything behind it, also
// those that a process was killed while writing. The caller writes none of them meanwhile.
func (s *Store) ReleaseAll(holder string) error {
	errs := []error{s.Release(holder)}
	entries, err := os.ReadDir(s.path("leases"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		errs = append(errs, err)
	}
	for _, e := range entries {
		name := e.Name()
		if atomicfile.IsTemp(name) {
			name = atomicfile.TempOf(name)
		}
		if name != holder && !strings.HasPrefix(name, holder+"@") {
			continue
		}
		if err := os.Remove(s.path("leases", e.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, fmt.Errorf("release image lease of %s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// Leases returns what each holder uses. A lease that cannot be read is an
// error: nothing may be removed while it is unknown what is in use.
func (s *Store) Leases() (map[string]*Image, error) {
	names, err := list(s.path("leases"))
	if err != nil {
		return nil, err
	}
	held := map[string]*Image{}
	for _, holder := range names {
		img := &Image{}
		switch err := atomicfile.ReadJSON(s.path("leases", holder), img); {
		case errors.Is(err, os.ErrNotExist): // released meanwhile
		case err != nil:
			return nil, fmt.Errorf("image lease of %s: %w (if no container is called so, remove the file)", holder, err)
		default:
			held[holder] = img
		}
	}
	return held, nil
}

// Holders names those in held that use an image of the same manifest as img.
func Holders(held map[string]*Image, img *Image) []string {
	var names []string
	for holder, h := range held {
		if h.Digest == img.Digest && h.Digest != "" {
			names = append(names, holder)
		}
	}
	slices.Sort(names)
	return names
}
