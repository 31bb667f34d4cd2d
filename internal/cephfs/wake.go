package cephfs

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/mctr/mctr"
)

// Wake ends the uninterruptible sleep of processes of a container on mounts that do not answer: not even
// SIGKILL ends it. It ends the client of the mount, so that the mount is dead, and what was written last
// may be lost. The caller has killed the processes before. A mount that another container has too is left
// alone; the error, which wraps mctr.ErrUnavailable, names the containers.
func (m *Mounts) Wake(ctx context.Context, by mctr.ContainerID) error {
	names, err := m.names()
	errs := []error{err}
	for _, name := range names {
		if (&mount{Mounts: m, name: name}).heldBy(by) {
			errs = append(errs, m.locked(ctx, name, func(mt *mount) error { return mt.wake(ctx) }))
		}
	}
	return errors.Join(errs...)
}

func (mt *mount) wake(ctx context.Context) error {
	if len(mt.waiters()) == 0 {
		return nil
	}
	evidence := mt.evidence()
	ids, err := mt.holders()
	if err != nil {
		return err
	}
	if len(ids) > 1 {
		return fmt.Errorf("%w: %s does not answer, and other containers have it too: %s", mctr.ErrUnavailable, mt.Spec,
			strings.Join(evidence, "; "))
	}
	err = errors.Join(mt.killFuse(ctx), mt.abort(ctx))
	if mt.Kernel {
		err = mt.forceUmount(ctx)
	}
	if err != nil {
		return fmt.Errorf("end the client of %s: %w: %s", mt.Spec, err, strings.Join(evidence, "; "))
	}
	return nil
}
