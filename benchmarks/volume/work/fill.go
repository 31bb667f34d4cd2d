package work

import (
	"context"
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// fill keeps the data, fills the volume beside them, and reads the data while the volume is full. The
// bytes of the answer include the data.
func (w Work) fill(ctx context.Context) (*Answer, error) {
	a, err := w.keep(ctx)
	if err != nil {
		return nil, err
	}
	written, stopped := w.filler(ctx)
	errno, ok := errors.AsType[unix.Errno](stopped)
	if stopped != nil && !ok {
		return nil, stopped
	}
	a.Bytes = w.Size + written
	if ok {
		a.Full = unix.ErrnoName(errno)
	}
	sum, err := w.read()
	a.SHA256 = sum
	return a, errors.Join(err, os.Remove(w.path("filler")))
}

// filler writes until an error or the bound. The data cannot be compressed.
func (w Work) filler(ctx context.Context) (written int64, err error) {
	f, err := os.Create(w.path("filler"))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	source, buf := data(w.Seed+1), make([]byte, block)
	for w.Size+written < w.Most {
		if err := ctx.Err(); err != nil {
			return written, err
		}
		_, _ = source.Read(buf) // cannot fail
		n, err := f.Write(buf)
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
	return written, f.Sync()
}
