package isolatortest

import (
	"context"
	"slices"
	"sync"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/isolators"
)

// A Fault is what a verb does besides, or in place of, its work. An error ends
// the verb.
type Fault func(context.Context) error

// Fail is the fault of returning err.
func Fail(err error) Fault { return func(context.Context) error { return err } }

// Panic is the fault of panicking with value.
func Panic(value any) Fault { return func(context.Context) error { panic(value) } }

// Hang is the fault of returning only when the context ends, with its cause.
func Hang() Fault {
	return func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) }
}

// Stick is the fault of returning only when release is closed, whatever the
// context says. The verb then goes on.
func Stick(release <-chan struct{}) Fault {
	return func(context.Context) error { <-release; return nil }
}

// Faults wraps an isolator, so that a test can make any of its verbs fail, and
// see which were called. It is safe for concurrent use.
type Faults struct {
	inner isolators.Isolator

	mu            sync.Mutex
	before, after map[string]Fault
	calls         []string
}

// NewFaults wraps inner without a fault.
func NewFaults(inner isolators.Isolator) *Faults {
	return &Faults{inner: inner, before: map[string]Fault{}, after: map[string]Fault{}}
}

var _ isolators.Isolator = (*Faults)(nil)

// Before sets what verb ("Prepare") does before its work; nil for nothing.
func (f *Faults) Before(verb string, fault Fault) { f.set(f.before, verb, fault) }

// After sets what verb does once its work is done: the work is not undone.
func (f *Faults) After(verb string, fault Fault) { f.set(f.after, verb, fault) }

func (f *Faults) set(of map[string]Fault, verb string, fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	of[verb] = fault
}

// Calls are the verbs called so far, in order, "Prepare c1".
func (f *Faults) Calls() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

// do is every verb: note it, the fault before, the work, the fault after.
func (f *Faults) do(ctx context.Context, verb string, id mctr.ContainerID, work func() error) error {
	f.mu.Lock()
	call := verb
	if id != "" {
		call += " " + string(id)
	}
	f.calls = append(f.calls, call)
	before, after := f.before[verb], f.after[verb]
	f.mu.Unlock()
	if before != nil {
		if err := before(ctx); err != nil {
			return err
		}
	}
	if err := work(); err != nil || after == nil {
		return err
	}
	return after(ctx)
}

// Name is the wrapped isolator's.
func (f *Faults) Name() string { return f.inner.Name() }

// Check is the wrapped isolator's, with faults.
func (f *Faults) Check(ctx context.Context, config *mctr.ContainerConfig) error {
	return f.do(ctx, "Check", "", func() error { return f.inner.Check(ctx, config) })
}

// Recover is the wrapped isolator's, with faults.
func (f *Faults) Recover(ctx context.Context, known []mctr.ContainerState,
	handleOf mctr.HandleOf) (found []mctr.Leftover, err error) {
	err = f.do(ctx, "Recover", "", func() (err error) {
		found, err = f.inner.Recover(ctx, known, handleOf)
		return err
	})
	return found, err
}

// Prepare is the wrapped isolator's, with faults.
func (f *Faults) Prepare(ctx context.Context, c *mctr.Container) (a *mctr.Adjustment, err error) {
	err = f.do(ctx, "Prepare", c.ID, func() (err error) { a, err = f.inner.Prepare(ctx, c); return err })
	if err != nil {
		return nil, err
	}
	return a, nil
}

// Isolate is the wrapped isolator's, with faults.
func (f *Faults) Isolate(ctx context.Context, h mctr.Handle, pid int) error {
	return f.do(ctx, "Isolate", h.ID, func() error { return f.inner.Isolate(ctx, h, pid) })
}

// Watch is the wrapped isolator's, with faults.
func (f *Faults) Watch(ctx context.Context, h mctr.Handle, report func(mctr.Limitation)) error {
	return f.do(ctx, "Watch", h.ID, func() error { return f.inner.Watch(ctx, h, report) })
}

// Update is the wrapped isolator's, with faults.
func (f *Faults) Update(ctx context.Context, h mctr.Handle,
	r *mctr.Resources) (wants *specs.LinuxResources, err error) {
	err = f.do(ctx, "Update", h.ID, func() (err error) { wants, err = f.inner.Update(ctx, h, r); return err })
	return wants, err
}

// Usage is the wrapped isolator's, with faults.
func (f *Faults) Usage(ctx context.Context, h mctr.Handle, u *mctr.Usage) error {
	return f.do(ctx, "Usage", h.ID, func() error { return f.inner.Usage(ctx, h, u) })
}

// Status is the wrapped isolator's, with faults.
func (f *Faults) Status(ctx context.Context, h mctr.Handle, s *mctr.Status) error {
	return f.do(ctx, "Status", h.ID, func() error { return f.inner.Status(ctx, h, s) })
}

// Cleanup is the wrapped isolator's, with faults.
func (f *Faults) Cleanup(ctx context.Context, h mctr.Handle) error {
	return f.do(ctx, "Cleanup", h.ID, func() error { return f.inner.Cleanup(ctx, h) })
}
