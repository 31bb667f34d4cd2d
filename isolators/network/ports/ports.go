// Package ports is the network/ports isolator: a container that listens on a TCP port outside of
// its assigned ports is reported or ended. It is meant for containers that share a network, above
// all the host's, and are assigned parts of its ports.
//
// Launch: Check; Prepare records the policy for Watch. Running: at each interval, Watch reads the
// ports on which the container's processes listen (sock_diag(7), and the sockets that they have
// open), on v1 and v2 alike. On disk: State/network/ports/policy.json. In the kernel: nothing.
// Recovery: the Watch of the next agent reads the policy.
package ports

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni/listeners"
	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/isolators/stateful"
)

const (
	defaultInterval = mctr.Duration(10 * time.Second)
	leastInterval   = mctr.Duration(10 * time.Millisecond)
)

// New returns the isolator.
func New() isolators.Isolator {
	return &isolator{watched: map[mctr.ContainerID]context.CancelFunc{}}
}

type isolator struct {
	isolators.Base
	mu      sync.Mutex
	watched map[mctr.ContainerID]context.CancelFunc
}

func (*isolator) Name() string { return "network/ports" }

func (i *isolator) records(h mctr.Handle) stateful.Records { return stateful.UntilReboot(h, i.Name()) }

// Check refuses ranges that go down, and intervals that are too short.
func (*isolator) Check(_ context.Context, config *mctr.ContainerConfig) error {
	l := config.Listen
	if l == nil {
		return nil
	}
	for _, r := range l.Ports {
		if r.First == 0 || r.Last < r.First {
			return fmt.Errorf("%w: listen.ports %v: want ports of 1 to 65535, and ranges that go up", mctr.ErrInvalid,
				r)
		}
	}
	if l.Interval != 0 && l.Interval < leastInterval {
		return fmt.Errorf("%w: listen.interval %v: want at least %v", mctr.ErrInvalid, l.Interval, leastInterval)
	}
	return nil
}

// Prepare records the policy.
func (i *isolator) Prepare(_ context.Context, c *mctr.Container) (*mctr.Adjustment, error) {
	if c.Config.Listen == nil {
		return nil, nil
	}
	return &mctr.Adjustment{Watch: c.Config.Listen.End}, i.records(c.Handle).Write("policy", c.Config.Listen)
}

// Watch checks the ports until ctx ends or the container exits. A policy that only reports is not
// watched: Status checks the ports when it is called.
func (i *isolator) Watch(ctx context.Context, h mctr.Handle, report func(mctr.Limitation)) error {
	policy := &mctr.ListenPolicy{}
	err := i.records(h).Read("policy", policy)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || !policy.End {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	i.mu.Lock()
	defer i.mu.Unlock()
	if before := i.watched[h.ID]; before != nil {
		before()
	}
	i.watched[h.ID] = cancel
	go i.checkListeners(ctx, h, policy, report)
	return nil
}

func (i *isolator) checkListeners(ctx context.Context, h mctr.Handle, policy *mctr.ListenPolicy,
	report func(mctr.Limitation)) {
	ticks := time.NewTicker(time.Duration(cmp.Or(policy.Interval, defaultInterval)))
	defer ticks.Stop()
	for {
		if found, err := i.unlistedListeners(h, policy); err == nil && len(found) > 0 {
			report(mctr.Limitation{Reason: mctr.ReasonLimitation, Resource: "ports",
				Message: describe(found[0], policy)})
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
	}
}

// unlistedListeners returns the sockets on ports that the policy does not allow.
func (i *isolator) unlistedListeners(h mctr.Handle, policy *mctr.ListenPolicy) ([]listeners.Listener, error) {
	pids, err := cgroup.Pids(h.Cgroup)
	if err != nil {
		return nil, err
	}
	all, err := listeners.Of(pids)
	var found []listeners.Listener
	for _, l := range all {
		if !policy.Allows(l.Port) {
			found = append(found, l)
		}
	}
	return found, err
}

func describe(l listeners.Listener, policy *mctr.ListenPolicy) string {
	return fmt.Sprintf("it listens on TCP port %v, but its ports are %s", l, mctr.PortRanges(policy.Ports))
}

// Status adds a warning for each port that the policy does not allow.
func (i *isolator) Status(_ context.Context, h mctr.Handle, s *mctr.Status) error {
	if s.Config == nil || s.Config.Listen == nil {
		return nil
	}
	found, err := i.unlistedListeners(h, s.Config.Listen)
	for _, l := range found {
		s.Warnings = append(s.Warnings, describe(l, s.Config.Listen))
	}
	return err
}

// Cleanup ends the watch and removes the policy.
func (i *isolator) Cleanup(_ context.Context, h mctr.Handle) error {
	i.mu.Lock()
	if cancel := i.watched[h.ID]; cancel != nil {
		cancel()
	}
	delete(i.watched, h.ID)
	i.mu.Unlock()
	return i.records(h).Remove()
}
