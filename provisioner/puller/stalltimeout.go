package puller

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/mctr/mctr"
)

// A stallReader fails if the body delivers no byte for stallTimeout.
type stallReader struct {
	ctx    context.Context
	body   io.ReadCloser
	timer  *time.Timer
	cancel context.CancelCauseFunc
}

func newStallReader(ctx context.Context, body io.ReadCloser, cancel context.CancelCauseFunc) *stallReader {
	s := &stallReader{ctx: ctx, body: body, cancel: cancel}
	s.timer = time.AfterFunc(stallTimeout, func() {
		cancel(fmt.Errorf("%w: no data for %s", mctr.ErrUnavailable, stallTimeout))
	})
	return s
}

// Read implements io.Reader.
func (s *stallReader) Read(p []byte) (int, error) {
	s.timer.Reset(stallTimeout)
	n, err := s.body.Read(p)
	if cause := context.Cause(s.ctx); err != nil && errors.Is(cause, mctr.ErrUnavailable) {
		return n, cause
	}
	if err != nil && !errors.Is(err, io.EOF) && s.ctx.Err() == nil {
		err = fmt.Errorf("%w: %w", mctr.ErrUnavailable, err)
	}
	return n, err
}

// Close ends the request.
func (s *stallReader) Close() error {
	s.timer.Stop()
	err := s.body.Close()
	s.cancel(nil)
	return err
}
