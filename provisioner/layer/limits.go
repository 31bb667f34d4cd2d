package layer

import (
	"archive/tar"
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/mctr/mctr"
)

// ErrLimit marks the error of a layer that exceeds a limit. It wraps mctr.ErrInvalid.
var ErrLimit = fmt.Errorf("%w: over a limit on images (raise the limit if you trust this image)", mctr.ErrInvalid)

// Limits limits what one layer may unpack to. A zero field means the default.
type Limits struct {
	Bytes      int64 // of the tar stream and of all files; default 64 GiB
	Ratio      int64 // uncompressed to compressed size, beyond the first GiB; default 200
	Entries    int   // files, directories, links, whiteouts; default 2 million
	Xattrs     int   // extended attributes of one entry; default 100
	XattrBytes int   // names and values of one entry's extended attributes; default 64 KiB
}

// Filled returns the limits with defaults in place of zeros.
func (l Limits) Filled() Limits {
	l.Bytes = cmp.Or(l.Bytes, 64<<30)
	l.Ratio = cmp.Or(l.Ratio, 200)
	l.Entries = cmp.Or(l.Entries, 2_000_000)
	l.Xattrs = cmp.Or(l.Xattrs, 100)
	l.XattrBytes = cmp.Or(l.XattrBytes, 64<<10)
	return l
}

// bytes returns the most bytes that a stream of size compressed bytes may unpack to.
func (l Limits) bytes(size int64) int64 {
	if size <= 0 || size > l.Bytes/l.Ratio {
		return l.Bytes
	}
	return min(l.Bytes, max(1<<30, size*l.Ratio))
}

// maxName limits the names in a header.
const maxName = 4096 // PATH_MAX

// count checks one header against the limits and adds it to the totals.
func (u *unpacker) count(h *tar.Header) error {
	l := u.options.Limits
	if u.result.Entries++; u.result.Entries > l.Entries {
		return fmt.Errorf("%w: more than %d entries", ErrLimit, l.Entries)
	}
	if len(h.Name) > maxName || len(h.Linkname) > maxName {
		return fmt.Errorf("%w: a name is longer than %d bytes", ErrLimit, maxName)
	}
	if u.result.Bytes += h.Size; h.Size < 0 || u.result.Bytes > u.maxBytes {
		return fmt.Errorf("%w: files are larger than %d bytes in all", ErrLimit, u.maxBytes)
	}
	return l.xattrs(h)
}

func (l Limits) xattrs(h *tar.Header) error {
	n, bytes := 0, 0
	for k, v := range h.PAXRecords {
		if name, ok := strings.CutPrefix(k, paxXattr); ok {
			n, bytes = n+1, bytes+len(name)+len(v)
		}
	}
	if n > l.Xattrs || bytes > l.XattrBytes {
		return fmt.Errorf("%w: %d extended attributes of %d bytes, more than %d of %d", ErrLimit, n, bytes, l.Xattrs,
			l.XattrBytes)
	}
	return nil
}

// A stream fails when its context is done or when it exceeds max bytes.
type stream struct {
	ctx  context.Context
	r    io.Reader
	left int64
	max  int64
}

func (s *stream) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, context.Cause(s.ctx)
	}
	n, err := s.r.Read(p)
	if s.left -= int64(n); s.left < 0 {
		return 0, fmt.Errorf("%w: the archive is longer than %d bytes", ErrLimit, s.max)
	}
	return n, err
}
