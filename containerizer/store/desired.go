package store

import (
	"context"
	"errors"

	"github.com/moby/sys/signal"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
)

// RecordStop records that the container is to stay exited, whatever its restart policy says.
// A container without a policy needs no record.
func (c *Container) RecordStop(ctx context.Context) error {
	r, err := c.Record()
	if err != nil || r.Config.Restart.Never() && len(r.Config.Process.Tasks) == 0 {
		return err
	}
	err = c.Change(ctx, Stop, func(s *State) { s.Desired = ToStop })
	if errors.Is(err, ErrDamaged) {
		return nil // a container without a readable state is not restarted
	}
	return err
}

// WithdrawStop undoes RecordStop: the container may run, and its restart policy is followed.
func (c *Container) WithdrawStop(ctx context.Context) error {
	if !c.Stopped() {
		return nil
	}
	return c.Change(ctx, AllowRun, func(s *State) { s.Desired = ToRun })
}

// StopSignal returns the signal that asks the container to exit: SIGTERM, unless its config
// or image names another signal.
func (p records) StopSignal() unix.Signal {
	sig, err := signal.ParseSignal(p.Resolved().StopSignal)
	if err != nil {
		return unix.SIGTERM
	}
	return sig
}

// MayRun returns true if the container, which is in this phase, runs or if that is unknown.
func (c *Container) MayRun(phase mctr.Phase) bool {
	if phase != mctr.Damaged {
		return phase.Alive()
	}
	supervised, err := c.Supervised()
	return supervised || err != nil
}

// Damaged returns true if the container's records are unreadable or contradict each other.
func (c *Container) Damaged() bool {
	_, unreadable := c.Record()
	phase, err := c.Phase()
	return err == nil && (unreadable != nil || phase == mctr.Damaged)
}
