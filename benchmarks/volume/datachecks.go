package volume

import (
	"context"
	"errors"
	"fmt"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/benchmarks/volume/work"
)

func (t *trial) written(ctx context.Context) error {
	w := t.work(work.Keep)
	a, err := t.one(ctx, w)
	return fresh(w, a, err)
}

func (t *trial) restart(ctx context.Context) error {
	w := t.work(work.Keep)
	c, err := t.start(ctx, named(t.volume), w)
	if err != nil {
		return err
	}
	a, err := c.answer(ctx)
	if err = fresh(w, a, err); err == nil {
		err = c.again(ctx)
	}
	if err == nil {
		a, err = c.answer(ctx)
		err = kept(w, a, err)
	}
	return errors.Join(err, c.remove(context.WithoutCancel(ctx)))
}

func (t *trial) remount(ctx context.Context) error {
	w := t.work(work.Keep)
	a, err := t.one(ctx, w)
	if err := fresh(w, a, err); err != nil {
		return err
	}
	return t.look(ctx, t.node, w)
}

func (t *trial) containerKilled(ctx context.Context) error {
	w := t.work(work.Hold)
	c, err := t.start(ctx, named(t.volume), w)
	if err != nil {
		return err
	}
	a, err := c.answer(ctx)
	if err = fresh(w, a, err); err == nil {
		err = c.kill(ctx)
	}
	if err := errors.Join(err, c.remove(context.WithoutCancel(ctx))); err != nil {
		return err
	}
	return t.look(ctx, t.node, w)
}

func (t *trial) agentKilled(ctx context.Context) error {
	w := t.work(work.Hold)
	a, err := t.orphan(ctx, named(t.volume), w)
	if err := fresh(w, a, err); err != nil {
		return err
	}
	return t.look(ctx, t.node, w)
}

// crashed writes data, and crashes the node while its container writes.
func (t *trial) crashed(ctx context.Context) (work.Work, error) {
	w := t.work(work.Hold)
	c, err := t.start(ctx, named(t.volume), w)
	if err != nil {
		return w, err
	}
	a, err := c.answer(ctx)
	if err := fresh(w, a, err); err != nil {
		return w, errors.Join(err, c.remove(context.WithoutCancel(ctx)))
	}
	return w, t.crash(ctx)
}

func (t *trial) hostCrashed(ctx context.Context) error {
	w, err := t.crashed(ctx)
	if err == nil {
		err = t.boot(context.WithoutCancel(ctx))
	}
	if err != nil {
		return err
	}
	return t.look(ctx, t.node, w)
}

// nodeFailed lets another node take the volume over while the first is down.
func (t *trial) nodeFailed(ctx context.Context) error {
	if t.volume.Driver == mctr.DriverLocal {
		return absent("the storage belongs to one node")
	}
	w, err := t.crashed(ctx)
	if err != nil {
		return err
	}
	return errors.Join(t.takenOver(ctx, w), t.boot(context.WithoutCancel(ctx)))
}

func (t *trial) takenOver(ctx context.Context, w work.Work) error {
	n, err := t.other(ctx)
	if err != nil {
		return err
	}
	if _, err = n.volumes().Create(ctx, t.volume); err != nil {
		err = fmt.Errorf("the other node: %w", err)
	} else {
		err = t.look(ctx, n, w)
	}
	return errors.Join(err, n.close(context.WithoutCancel(ctx)))
}

func (t *trial) writers(ctx context.Context) error {
	var both []container
	var errs []error
	for range 2 {
		c, err := t.start(ctx, named(t.volume), work.Work{Verb: work.Count, Times: t.times})
		if err != nil {
			errs = append(errs, err)
			break
		}
		both = append(both, c)
	}
	for _, c := range both {
		_, err := c.answer(ctx)
		errs = append(errs, err, c.remove(context.WithoutCancel(ctx)))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	want := 2 * int64(t.times)
	a, err := t.one(ctx, work.Work{Verb: work.Tally})
	if err == nil && (a.Count != want || a.Lines != want) {
		err = fmt.Errorf("%w: %d updates left a counter of %d and %d lines", mctr.ErrState, want, a.Count, a.Lines)
	}
	return err
}
