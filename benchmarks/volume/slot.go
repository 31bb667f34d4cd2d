package volume

import (
	"context"
	"errors"
	"math/rand/v2"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/benchmarks/volume/work"
)

// A Slot is a load on the volume beside the same load on the local disk.
type Slot struct {
	Volume *work.Figures `json:"volume"`
	Disk   *work.Figures `json:"disk"`
}

// slot loads the volume and a directory of the local disk, in a random order.
func (m *machine) slot(ctx context.Context, v mctr.NamedVolume, o Options) (s Slot, err error) {
	w := work.Work{Verb: work.Load, Size: share(o.Size, v.Size), Time: o.Time}
	loads := []func() error{
		func() error { return m.load(ctx, named(v), w, &s.Volume) },
		func() error {
			disk := mctr.Volume{Type: mctr.VolumeBind, Source: m.baseline(), Target: target}
			return m.load(ctx, disk, w, &s.Disk)
		},
	}
	first := rand.IntN(2)
	return s, errors.Join(loads[first](), loads[1-first]())
}

func (m *machine) load(ctx context.Context, v mctr.Volume, w work.Work, to **work.Figures) error {
	a, err := oneOf(ctx, m, v, w)
	if err == nil {
		*to = a.Figures
	}
	return err
}
