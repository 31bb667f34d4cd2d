package provisioner

import (
	"context"
	"errors"
	"fmt"
	"io"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/mctr/mctr/provisioner/puller"
	"github.com/mctr/mctr/provisioner/store"
)

// fetchBlob has the store ingest d from the first place that has what d's digest
// says. The error names every place that was asked.
func (t *transfer) fetchBlob(ctx context.Context, d v1.Descriptor, progress func(int64)) error {
	places := t.source.Places()
	var errs []error
	for n, place := range places {
		last := n == len(places)-1
		err := t.store.Ingest(ctx, d, placeOpener(place, d, last), progress)
		if err == nil {
			return nil
		}
		here := isPlaceFault(err)
		if place.Name != "" {
			err = fmt.Errorf("%s: %w", place.Name, err)
		}
		if errs = append(errs, err); !here || ctx.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}

// isPlaceFault reports whether the place is at fault, and not this host.
func isPlaceFault(err error) bool {
	var of *placeError
	return errors.As(err, &of) || errors.Is(err, store.ErrContent) || errors.Is(err, io.ErrUnexpectedEOF)
}

// placeOpener opens d at a place. The store need not insist on one that cannot be
// opened while there is another.
func placeOpener(place puller.Place, d v1.Descriptor, last bool) store.Opener {
	return func(ctx context.Context, at int64) (io.ReadCloser, error) {
		body, err := place.Open(ctx, d, at)
		if err != nil {
			return nil, &placeError{err, !last || errors.Is(err, puller.ErrBusy)}
		}
		return placeBody{body}, nil
	}
}

// A placeError is a failure of a place.
type placeError struct {
	error
	final bool // another place is asked at once
}

func (e *placeError) Unwrap() error        { return e.error }
func (e *placeError) Is(target error) bool { return e.final && target == store.ErrFinal }

type placeBody struct{ io.ReadCloser }

func (b placeBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = &placeError{err, false}
	}
	return n, err
}
