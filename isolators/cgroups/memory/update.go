package memory

import (
	"context"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/isolators"
)

// Update asks for the new limits. One below what is in use is refused: the
// kernel would kill for it (v2), or refuse without a word of why (v1).
func (i *isolator) Update(ctx context.Context, h mctr.Handle, r *mctr.Resources) (*specs.LinuxResources, error) {
	u := &mctr.Usage{}
	if err := i.Usage(ctx, h, u); err != nil {
		return nil, err
	}
	if limit := value(r.Memory.Limit); limit > 0 && uint64(limit) < u.MemoryBytes {
		return nil, fmt.Errorf("%w: resources.memory.limit %d: %d bytes are in use (without file cache)", mctr.ErrState,
			limit, u.MemoryBytes)
	}
	return isolators.UpdateByPrepare(ctx, i, h, r)
}
