package volume

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/benchmarks/compare"
)

// Options say what to run.
type Options struct {
	Volumes  []mctr.NamedVolume
	Size     int64         // bytes that a load writes in order; the data of the checks have a fourth
	Time     time.Duration // bound of each part of a load
	Rounds   int           // of loads; 0: only the checks
	Dir      string        // where the nodes' directories are made; "": $TMPDIR, or else /tmp
	Progress func(string)
}

// Run puts every volume through the checks and the loads, on nodes of this machine. An error means that
// the bench failed; checks that failed are in the report.
func Run(ctx context.Context, p Programs, o Options) (*Report, error) {
	m, err := newMachine(ctx, p, o.Dir)
	if err != nil {
		return nil, err
	}
	r := &Report{Kernel: compare.Kernel(), Cores: runtime.NumCPU(), Load: compare.LoadAverage(), Size: o.Size,
		Time: o.Time.String(), Rounds: o.Rounds}
	for _, v := range o.Volumes {
		measured := &Measured{Name: v.Name, Volume: v}
		r.Volumes = append(r.Volumes, measured)
		if err = m.measure(ctx, o, measured); err != nil {
			break
		}
	}
	r.LoadAfter = compare.LoadAverage()
	return r, errors.Join(err, m.close(context.WithoutCancel(ctx)))
}

// measure creates a volume, measures it, and removes it.
func (m *machine) measure(ctx context.Context, o Options, to *Measured) error {
	o.Progress(to.Name + ": create")
	made, err := m.volumes().Create(ctx, to.Volume)
	if err != nil && ctx.Err() == nil {
		to.Failed = fmt.Sprintf("create: %v", err)
		return nil
	}
	if err == nil {
		to.Volume = *made
		err = to.run(ctx, m, o)
	}
	return errors.Join(err, m.removeVolume(context.WithoutCancel(ctx), to.Name))
}

func (to *Measured) run(ctx context.Context, m *machine, o Options) error {
	t := &trial{node: m, volume: to.Volume, size: share(o.Size, to.Volume.Size) / 4, times: 200}
	for _, c := range checks {
		o.Progress(to.Name + ": " + c.Title)
		result := t.run(ctx, c)
		if err := ctx.Err(); err != nil {
			return err
		}
		to.Results = append(to.Results, result)
	}
	if o.Rounds == 0 {
		return nil
	}
	for round := range o.Rounds + 1 { // the first warms up, and does not count
		o.Progress(fmt.Sprintf("%s: load %d of %d", to.Name, round, o.Rounds))
		slot, err := m.slot(ctx, to.Volume, o)
		if err := ctx.Err(); err != nil {
			return err
		}
		if err != nil {
			to.Failed = fmt.Sprintf("load: %v", err)
			return nil
		}
		if round > 0 {
			to.Slots = append(to.Slots, slot)
		}
	}
	return nil
}

// share returns size, or what of it fits into a volume that also needs room for itself.
func share(size, limit int64) int64 {
	if limit == 0 {
		return size
	}
	return min(size, limit/2)
}
