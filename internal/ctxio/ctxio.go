// Package ctxio stops long reads when a context ends. It creates nothing.
package ctxio

import (
	"context"
	"io"
)

// Reader returns a reader of r that fails with the cause of ctx once ctx has ended. It does not
// interrupt a Read in progress, so r must be a file on disk or another source that does not block
// for long.
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
