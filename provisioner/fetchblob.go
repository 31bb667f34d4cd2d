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

// fetchBlob has the store ingest d from the first place whose content matches d's digest.
// The error names every place that was asked.
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

// isPlaceFault returns true if the error is the fault of the place, not of this host.
func isPlaceFault(err error) bool {
	var of *placeError
	return errors.As(err, &of) || errors.Is(err, store.ErrContent) || errors.Is(err, io.ErrUnexpectedEOF)
}

// placeOpener opens d at a place. Unless the place is the last one, the store does not
// retry when it cannot be opened.
func placeOpener(place puller.Place, d v1.Descriptor, last bool) store.Opener {
	return func(ctx context.Context, at int64) (io.ReadCloser, error) {
		body, err := place.Open(ctx, d, at)
		if err != nil {
			return nil, &placeError{err, !last || errors.Is(err, puller.ErrBusy)}
		}
		return placeBody{body}, nil
	}
}

// A placeError is the failure of one place.
type placeError struct {
	error
	final bool // do not retry: there is another place to ask
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
