package cephfs

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/helper"
)

// Condition is how a mount is.
type Condition string

// The conditions. A dead mount stays dead; a hung one does not answer at present.
const (
	Healthy Condition = "healthy"
	Dead    Condition = "dead"
	Hung    Condition = "hung"
)

// Health is the condition of a mount with the evidence.
type Health struct {
	State    Condition
	Evidence []string
}

func (h Health) String() string { return string(h.State) + ": " + strings.Join(h.Evidence, "; ") }

// look examines a mount without touching it: a client that answers nothing is healthy to it.
func (mt *mount) look() Health {
	if mt.unread != nil {
		return Health{Dead, []string{mt.unread.Error()}}
	}
	switch device, err := mt.mountedDevice(); {
	case mt.State != mounted:
		return Health{Dead, append([]string{"it is " + mt.State}, mt.Evidence...)}
	case err != nil:
		return Health{Hung, []string{err.Error()}}
	case device == "":
		return Health{Dead, []string{"nothing is mounted at " + mt.root()}}
	case device != mt.Device:
		return Health{Dead, []string{fmt.Sprintf("another filesystem, %s, is mounted at %s", device, mt.root())}}
	case !mt.Kernel && !mt.Fuse.alive():
		return Health{Dead, []string{fmt.Sprintf("its client, ceph-fuse with pid %d, has ended", mt.Fuse.Pid)}}
	}
	return Health{State: Healthy}
}

// probe examines a mount by a stat(2) of its root. While a helper of an earlier probe hangs, it starts
// no other one.
func (mt *mount) probe(ctx context.Context) Health {
	if h := mt.look(); h.State != Healthy {
		return h
	}
	if mt.Prober.alive() {
		return Health{Hung, append([]string{fmt.Sprintf("an earlier probe, pid %d, still hangs", mt.Prober.Pid)},
			mt.evidence()...)}
	}
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	err := mt.config.Helper.Probe(ctx, mt.root())
	if left, ok := errors.AsType[*helper.LeftBehindError](err); ok {
		// Without the note, the next probe starts a second helper, which ends with the first.
		_ = mt.update(func(r *record) { r.Prober = newProcess(left.Pid) })
	}
	status, unknown := mt.askStatus()
	switch {
	case unknown == nil && status.Blocklisted:
		return Health{Dead, []string{"the cluster has evicted its client"}}
	case err == nil:
		return Health{State: Healthy}
	case errors.Is(err, unix.ENOTCONN), errors.Is(err, unix.ESHUTDOWN), errors.Is(err, unix.ECONNABORTED):
		return Health{Dead, append([]string{err.Error()}, mt.evidence()...)}
	}
	return Health{Hung, append([]string{err.Error()}, mt.evidence()...)}
}

// Probe returns the condition of the mount at a mount point that Acquire returned. It waits for some two
// seconds. The error wraps mctr.ErrNotFound if the mount no longer exists.
func (m *Mounts) Probe(ctx context.Context, root string) (Health, error) {
	mt, unlock, err := m.at(ctx, root)
	if err != nil {
		return Health{}, err
	}
	defer unlock()
	return mt.probe(ctx), nil
}

// Look returns the condition of each mount of a container, by mount points, as far as it can be known
// without touching the mount: a client that answers nothing is healthy to it. It does not wait.
func (m *Mounts) Look(by mctr.ContainerID) map[string]Health {
	names, _ := m.names() // what cannot be listed is reported by Acquire and Release
	found := map[string]Health{}
	for _, name := range names {
		if mt := m.load(name); mt.heldBy(by) {
			h := mt.look()
			h.Evidence = append([]string{mt.Spec.String()}, h.Evidence...)
			found[mt.root()] = h
		}
	}
	return found
}
