package containerizer

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/isolators"
)

const (
	// cleanupTime is how long an isolator may take to clean up after one container.
	cleanupTime = 30 * time.Second
	// hungTime is how much longer an isolator may take to return once its context has ended.
	hungTime = 5 * time.Second
)

// A guarded isolator cannot bring its agent down: a panic becomes the verb's error, and a
// Cleanup that does not return is abandoned.
type guarded struct {
	isolators.Isolator
	cleanup, hung time.Duration
}

func guard(table []isolators.Isolator) []isolators.Isolator {
	guards := make([]isolators.Isolator, len(table))
	for i, isolator := range table {
		guards[i] = &guarded{isolator, cleanupTime, hungTime}
	}
	return guards
}

// safely calls do and returns a panic as an error with its stack.
func safely(verb string, do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s panicked: %v\n%s", verb, p, debug.Stack())
		}
	}()
	return do()
}

func (g *guarded) Check(ctx context.Context, config *mctr.ContainerConfig) error {
	return safely("Check", func() error { return g.Isolator.Check(ctx, config) })
}

// Complete implements isolators.Completer: an isolator that does not leaves config as it is.
func (g *guarded) Complete(ctx context.Context, id mctr.ContainerID,
	config *mctr.ContainerConfig) (note string, err error) {
	c, ok := g.Isolator.(isolators.Completer)
	if !ok {
		return "", nil
	}
	err = safely("Complete", func() (err error) { note, err = c.Complete(ctx, id, config); return err })
	return note, err
}

// VolumeTypes implements isolators.VolumeMounter: an isolator that does not mounts no volume.
func (g *guarded) VolumeTypes() []string {
	if m, ok := g.Isolator.(isolators.VolumeMounter); ok {
		return m.VolumeTypes()
	}
	return nil
}

// Locate is called only for volumes of VolumeTypes.
func (g *guarded) Locate(ctx context.Context, h mctr.Handle, parent *mctr.Handle,
	v mctr.Volume) (at *isolators.Location, err error) {
	err = safely("Locate", func() (err error) {
		at, err = g.Isolator.(isolators.VolumeMounter).Locate(ctx, h, parent, v)
		return err
	})
	return at, err
}

// OpenStorage implements isolators.StorageLimiter: an isolator that does not limits nothing.
func (g *guarded) OpenStorage(ctx context.Context, h mctr.Handle, config *mctr.ContainerConfig) error {
	l, ok := g.Isolator.(isolators.StorageLimiter)
	if !ok {
		return nil
	}
	return safely("OpenStorage", func() error { return l.OpenStorage(ctx, h, config) })
}

// Keep implements isolators.Keeper: an isolator that does not has no such values.
func (g *guarded) Keep(ctx context.Context, h mctr.Handle, config *mctr.ContainerConfig) error {
	k, ok := g.Isolator.(isolators.Keeper)
	if !ok {
		return nil
	}
	return safely("Keep", func() error { return k.Keep(ctx, h, config) })
}

// Remove implements isolators.Remover: an isolator that does not keeps nothing.
func (g *guarded) Remove(ctx context.Context, h mctr.Handle,
	namedBy func(volume string) (mctr.ContainerID, error)) error {
	r, ok := g.Isolator.(isolators.Remover)
	if !ok {
		return nil
	}
	return safely("Remove", func() error { return r.Remove(ctx, h, namedBy) })
}

// Wake implements isolators.Waker: an isolator that does not has nothing that processes wait for.
func (g *guarded) Wake(ctx context.Context, h mctr.Handle) error {
	w, ok := g.Isolator.(isolators.Waker)
	if !ok {
		return nil
	}
	return safely("Wake", func() error { return w.Wake(ctx, h) })
}

func (g *guarded) Recover(ctx context.Context, known []mctr.ContainerState,
	handleOf mctr.HandleOf) (left []mctr.Leftover, err error) {
	err = safely("Recover", func() (err error) { left, err = g.Isolator.Recover(ctx, known, handleOf); return err })
	return left, err
}

func (g *guarded) Prepare(ctx context.Context, c *mctr.Container) (a *mctr.Adjustment, err error) {
	err = safely("Prepare", func() (err error) { a, err = g.Isolator.Prepare(ctx, c); return err })
	return a, err
}

func (g *guarded) Isolate(ctx context.Context, h mctr.Handle, pid int) error {
	return safely("Isolate", func() error { return g.Isolator.Isolate(ctx, h, pid) })
}

func (g *guarded) Watch(ctx context.Context, h mctr.Handle, report func(mctr.Limitation)) error {
	return safely("Watch", func() error { return g.Isolator.Watch(ctx, h, report) })
}

func (g *guarded) Update(ctx context.Context, h mctr.Handle,
	r *mctr.Resources) (wants *specs.LinuxResources, err error) {
	err = safely("Update", func() (err error) { wants, err = g.Isolator.Update(ctx, h, r); return err })
	return wants, err
}

func (g *guarded) Usage(ctx context.Context, h mctr.Handle, u *mctr.Usage) error {
	return safely("Usage", func() error { return g.Isolator.Usage(ctx, h, u) })
}

func (g *guarded) Status(ctx context.Context, h mctr.Handle, s *mctr.Status) error {
	return safely("Status", func() error { return g.Isolator.Status(ctx, h, s) })
}

// Undo implements isolators.Undoer: an isolator that does not returns an error.
func (g *guarded) Undo(ctx context.Context, l mctr.Leftover) error {
	u, ok := g.Isolator.(isolators.Undoer)
	if !ok {
		return fmt.Errorf("%w: isolator %s reported it for no container, and cannot undo it", mctr.ErrUnsupported,
			g.Name())
	}
	return safely("Undo", func() error { return u.Undo(ctx, l) })
}

// Cleanup is called again when the release is tried again: two calls may then run at once in an
// isolator that hangs.
func (g *guarded) Cleanup(ctx context.Context, h mctr.Handle) error {
	ctx, cancel := context.WithTimeout(ctx, g.cleanup)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- safely("Cleanup", func() error { return g.Isolator.Cleanup(ctx, h) }) }()
	select {
	case err := <-done:
		return err
	case <-time.After(g.cleanup + g.hung):
		return fmt.Errorf("%w: Cleanup has not returned after %v", context.DeadlineExceeded, g.cleanup+g.hung)
	}
}
