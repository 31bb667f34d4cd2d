package isolatortest

import (
	"context"
	"slices"
	"sync"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/isolators"
)

// A Fault is what a verb does before or after its work. An error ends the verb.
type Fault func(context.Context) error

// Fail returns the fault that returns err.
func Fail(err error) Fault { return func(context.Context) error { return err } }

// Panic returns the fault that panics with value.
func Panic(value any) Fault { return func(context.Context) error { panic(value) } }

// Hang returns the fault that waits for the end of the context and returns its cause.
func Hang() Fault {
	return func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) }
}

// Stick returns the fault that waits until release is closed, and ignores the context. The verb
// then continues.
func Stick(release <-chan struct{}) Fault {
	return func(context.Context) error { <-release; return nil }
}

// Faults wraps an isolator so that a test can make any of its verbs fail, and see which verbs were
// called. It is safe for concurrent use.
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

// Before sets the fault of verb (such as "Prepare") before its work; nil removes it.
func (f *Faults) Before(verb string, fault Fault) { f.set(f.before, verb, fault) }

// After sets the fault of verb after its work, which is not undone; nil removes it.
func (f *Faults) After(verb string, fault Fault) { f.set(f.after, verb, fault) }

func (f *Faults) set(of map[string]Fault, verb string, fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	of[verb] = fault
}

// Calls returns the calls of verbs so far, in order, such as "Prepare c1".
func (f *Faults) Calls() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

// do runs a verb: it notes the call and runs the fault before, the work, and the fault after.
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

// Name returns the name of the wrapped isolator.
func (f *Faults) Name() string { return f.inner.Name() }

// Check calls the wrapped isolator, with faults.
func (f *Faults) Check(ctx context.Context, config *mctr.ContainerConfig) error {
	return f.do(ctx, "Check", "", func() error { return f.inner.Check(ctx, config) })
}

// Recover calls the wrapped isolator, with faults.
func (f *Faults) Recover(ctx context.Context, known []mctr.ContainerState,
	handleOf mctr.HandleOf) (found []mctr.Leftover, err error) {
	err = f.do(ctx, "Recover", "", func() (err error) {
		found, err = f.inner.Recover(ctx, known, handleOf)
		return err
	})
	return found, err
}

// Prepare calls the wrapped isolator, with faults.
func (f *Faults) Prepare(ctx context.Context, c *mctr.Container) (a *mctr.Adjustment, err error) {
	err = f.do(ctx, "Prepare", c.ID, func() (err error) { a, err = f.inner.Prepare(ctx, c); return err })
	if err != nil {
		return nil, err
	}
	return a, nil
}

// Isolate calls the wrapped isolator, with faults.
func (f *Faults) Isolate(ctx context.Context, h mctr.Handle, pid int) error {
	return f.do(ctx, "Isolate", h.ID, func() error { return f.inner.Isolate(ctx, h, pid) })
}

// Watch calls the wrapped isolator, with faults.
func (f *Faults) Watch(ctx context.Context, h mctr.Handle, report func(mctr.Limitation)) error {
	return f.do(ctx, "Watch", h.ID, func() error { return f.inner.Watch(ctx, h, report) })
}

// Update calls the wrapped isolator, with faults.
func (f *Faults) Update(ctx context.Context, h mctr.Handle,
	r *mctr.Resources) (wants *specs.LinuxResources, err error) {
	err = f.do(ctx, "Update", h.ID, func() (err error) { wants, err = f.inner.Update(ctx, h, r); return err })
	return wants, err
}

// Usage calls the wrapped isolator, with faults.
func (f *Faults) Usage(ctx context.Context, h mctr.Handle, u *mctr.Usage) error {
	return f.do(ctx, "Usage", h.ID, func() error { return f.inner.Usage(ctx, h, u) })
}

// Status calls the wrapped isolator, with faults.
func (f *Faults) Status(ctx context.Context, h mctr.Handle, s *mctr.Status) error {
	return f.do(ctx, "Status", h.ID, func() error { return f.inner.Status(ctx, h, s) })
}

// Cleanup calls the wrapped isolator, with faults.
func (f *Faults) Cleanup(ctx context.Context, h mctr.Handle) error {
	return f.do(ctx, "Cleanup", h.ID, func() error { return f.inner.Cleanup(ctx, h) })
}
