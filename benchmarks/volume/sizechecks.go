package volume

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/benchmarks/volume/work"
)

// largest is the size of a volume up to which the bench fills it.
const largest = 1 << 30

// sized returns the reason why the volume is not filled.
func (t *trial) sized() error {
	switch {
	case t.volume.Size == 0:
		return absent("the volume has no size")
	case 2*t.volume.Size > largest:
		return absent("the bench fills no volume of more than 512 MiB")
	}
	return nil
}

func (t *trial) quota(ctx context.Context) error {
	if err := t.sized(); err != nil {
		return err
	}
	_, err := t.fill(ctx)
	return err
}

// ownNeed is what a filesystem of a volume's own may need in it, of a volume for which a half is less.
const ownNeed = 6 << 20

// fill fills the volume and returns how many bytes it holds.
func (t *trial) fill(ctx context.Context) (int64, error) {
	w, size := t.work(work.Fill), t.volume.Size
	w.Most = size + size/4
	a, err := t.one(ctx, w)
	switch {
	case err != nil:
		return 0, err
	case !slices.Contains([]string{"ENOSPC", "EDQUOT"}, a.Full):
		return 0, fmt.Errorf("%w: a volume of %d bytes holds %d, and reports %q: want ENOSPC or EDQUOT", mctr.ErrState,
			size, a.Bytes, a.Full)
	case a.Bytes > size || size-a.Bytes > max(size/2, ownNeed):
		return 0, fmt.Errorf("%w: a volume of %d bytes is full with %d: want its size or somewhat less", mctr.ErrState,
			size, a.Bytes)
	}
	if err := sound(w, a); err != nil {
		return 0, fmt.Errorf("while the volume is full: %w", err)
	}
	return a.Bytes, t.look(ctx, t.node, w)
}

// expand doubles the volume.
func (t *trial) expand(ctx context.Context) error {
	if err := t.sized(); err != nil {
		return err
	}
	before, err := t.fill(ctx)
	if err != nil {
		return err
	}
	w := t.work(work.Keep)
	w.Seed = t.seed - 2 // the data that fill left
	expanded, err := t.volumes().Expand(ctx, t.volume.Name, 2*t.volume.Size)
	if errors.Is(err, mctr.ErrUnsupported) {
		if _, err := t.one(ctx, work.Work{Verb: work.Clear}); err != nil {
			return err
		}
		return absent("the driver cannot expand volumes")
	}
	if err != nil {
		return err
	}
	if expanded.Size < 2*t.volume.Size {
		return fmt.Errorf("%w: a volume of %d bytes was expanded to %d: want at least %d", mctr.ErrState, t.volume.Size,
			expanded.Size, 2*t.volume.Size)
	}
	t.volume = *expanded
	if err := t.look(ctx, t.node, w); err != nil {
		return err
	}
	if _, err := t.one(ctx, work.Work{Verb: work.Clear}); err != nil {
		return err
	}
	after, err := t.fill(ctx)
	if err == nil && after <= before {
		err = fmt.Errorf("%w: the expanded volume is full with %d bytes, before with %d", mctr.ErrState, after, before)
	}
	return err
}
