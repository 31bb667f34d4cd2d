// Package ctxio ends long reads with their context. It creates nothing.
package ctxio

import (
	"context"
	"io"
)

// Reader is r until ctx ends, and then its cause. A Read that is under way is not
// cut short: r is a file of a disk, or something else that soon answers.
func Reader(ctx context.Context, r io.Reader) io.Reader { return reader{ctx, r} }

type reader struct {
	ctx context.Context
	r   io.Reader
}

func (i reader) Read(p []byte) (int, error) {
	if i.ctx.Err() != nil {
		return 0, context.Cause(i.ctx)
	}
	return i.r.Read(p)
}
