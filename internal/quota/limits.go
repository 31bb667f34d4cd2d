package quota

import (
	"fmt"
	"strings"

	"github.com/docker/go-units"

	"github.com/mctr/mctr"
)

// Limits are hard limits of a directory and everything in it. Zero means unlimited.
type Limits struct {
	// Bytes is at least 64 KiB; the means round it down to blocks of 4 KiB. It counts allocated
	// blocks, not the sizes of files.
	Bytes int64 `json:"bytes,omitempty"`
	// Inodes counts the directory itself too. Loop rounds it up to a multiple of 16 for each 128
	// MiB of its size.
	Inodes int64 `json:"inodes,omitempty"`
}

// Usage is what a directory and everything in it use, and the limits that the kernel enforces.
type Usage struct {
	Bytes  int64 // allocated
	Inodes int64 // 0 with btrfs, which does not count them
	Limits Limits
}

// block is the size of a block of all filesystems here.
const block = 4096

// minBytes leaves space for the blocks that a filesystem allocates for an empty directory.
const minBytes = 64 << 10

func (l Limits) validate() error {
	switch {
	case l.Bytes < 0 || l.Inodes < 0:
		return fmt.Errorf("%w: limits %s: they must not be negative", mctr.ErrInvalid, l)
	case l == Limits{}:
		return fmt.Errorf("%w: no limit: set bytes, inodes or both", mctr.ErrInvalid)
	case l.Bytes != 0 && l.Bytes < minBytes:
		return fmt.Errorf("%w: limit of %d bytes: want at least %d", mctr.ErrInvalid, l.Bytes, minBytes)
	}
	return nil
}

// String returns the limits for messages: "64MiB, 100 inodes".
func (l Limits) String() string {
	var parts []string
	if l.Bytes != 0 {
		parts = append(parts, units.BytesSize(float64(l.Bytes)))
	}
	if l.Inodes != 0 {
		parts = append(parts, fmt.Sprintf("%d inodes", l.Inodes))
	}
	if len(parts) == 0 {
		return "unlimited"
	}
	return strings.Join(parts, ", ")
}

// fits returns an error that wraps ErrState if u exceeds l.
func (l Limits) fits(u Usage) error {
	if l.Bytes != 0 && u.Bytes > l.Bytes || l.Inodes != 0 && u.Inodes > l.Inodes {
		return fmt.Errorf("%w: %s and %d inodes are in use, more than the limit of %s (delete files first)",
			mctr.ErrState, units.BytesSize(float64(u.Bytes)), u.Inodes, l)
	}
	return nil
}
