package work

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Figures are what Load measures.
type Figures struct {
	Write   float64 `json:"write"`    // MiB/s of writes in order, with the fsync at their end
	Read    float64 `json:"read"`     // MiB/s of reads in order, from the storage
	SyncP50 float64 `json:"sync_p50"` // microseconds of a write of 4 KiB at a random place and its fdatasync
	SyncP99 float64 `json:"sync_p99"`
	Syncs   int     `json:"syncs"` // how many writes the percentiles are of
}

func (w Work) load(ctx context.Context) (*Answer, error) {
	f, err := os.Create(w.path("load"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	figures := &Figures{}
	size, err := w.writeInOrder(ctx, f, figures)
	if err == nil {
		err = w.readInOrder(ctx, f, figures)
	}
	if err == nil {
		err = w.sync(ctx, f, size, figures)
	}
	return &Answer{Figures: figures}, errors.Join(err, os.Remove(f.Name()))
}

// writeInOrder returns how many bytes it has written.
func (w Work) writeInOrder(ctx context.Context, f *os.File, to *Figures) (n int64, err error) {
	buf := make([]byte, block)
	_, _ = data(w.Seed).Read(buf) // cannot fail
	began := time.Now()
	for n < w.Size && (n == 0 || time.Since(began) < w.Time) && ctx.Err() == nil {
		if _, err := f.Write(buf); err != nil {
			return n, err
		}
		n += block
	}
	err = f.Sync()
	to.Write = float64(n) / block / time.Since(began).Seconds()
	return n, errors.Join(err, ctx.Err())
}

func (w Work) readInOrder(ctx context.Context, f *os.File, to *Figures) error {
	if err := forget(f); err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	buf, n, began := make([]byte, block), 0, time.Now()
	for (n == 0 || time.Since(began) < w.Time) && ctx.Err() == nil {
		got, err := f.Read(buf)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		n += got
	}
	to.Read = float64(n) / block / time.Since(began).Seconds()
	return ctx.Err()
}

func (w Work) sync(ctx context.Context, f *os.File, size int64, to *Figures) error {
	buf := make([]byte, 4<<10)
	_, _ = data(w.Seed).Read(buf) // cannot fail
	var took []float64
	for began := time.Now(); (len(took) == 0 || time.Since(began) < w.Time) && ctx.Err() == nil; {
		at := time.Now()
		if _, err := f.WriteAt(buf, rand.Int64N(size/4096)*4096); err != nil {
			return err
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			return err
		}
		took = append(took, float64(time.Since(at).Nanoseconds())/1e3)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	slices.Sort(took)
	to.Syncs, to.SyncP50, to.SyncP99 = len(took), took[len(took)/2], took[len(took)*99/100]
	return nil
}
