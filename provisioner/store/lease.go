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

// holderName matches valid names of holders, which are file names.
var holderName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.@-]{0,199}$`)

// Lease records that holder uses img, until Release. The caller must have held the store's lock
// shared since before it looked img up. Another lease of the same holder is replaced. A lease is
// not synced; the package comment says why.
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

// lease links the record, which is never changed in place, under the holder's name. If the record
// does not exist or was replaced, lease writes a copy.
func (s *Store) lease(path string, img *Image) error {
	if img.Rootfs == "" && s.linkLease(path, img) {
		return nil
	}
	if err := s.prepare(); err != nil {
		return err
	}
	return atomicfile.WriteJSON(path, img)
}

// linkLease returns false if the record is not, or is no longer, the file that img was read from.
// It makes only two system calls.
func (s *Store) linkLease(path string, img *Image) bool {
	if img.file == nil || os.Link(s.ref(img.Reference), path) != nil {
		return false
	}
	linked, err := os.Lstat(path)
	return err == nil && os.SameFile(linked, img.file) && linked.ModTime().Equal(img.file.ModTime())
}

// Release removes holder's lease. It succeeds if there is none.
func (s *Store) Release(holder string) error {
	if !holderName.MatchString(holder) {
		return fmt.Errorf("%w: lease holder %.80q", mctr.ErrInvalid, holder)
	}
	if err := os.Remove(s.path("leases", holder)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("release image lease of %s: %w", holder, err)
	}
	return nil
}

// ReleaseAll removes the leases of holder and of every holder whose name is holder, "@" and a
// suffix, including files that a process was killed while writing. The caller must not write such
// leases meanwhile.
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

// Leases returns the image that each holder uses. It fails if a lease is unreadable, because
// nothing may be removed while it is unknown what is in use.
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
			return nil, fmt.Errorf("image lease of %s: %w (if no container has this name, remove the file)", holder,
				err)
		default:
			held[holder] = img
		}
	}
	return held, nil
}

// Holders returns the holders in held that use an image with the same manifest as img.
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

// InUse returns the error for removing an image that leases protect. It wraps mctr.ErrState.
func InUse(reference string, holders []string) error {
	slices.Sort(holders)
	return fmt.Errorf("%w: image %s is used by %q (stop and remove these, or force)", mctr.ErrState, reference, holders)
}
