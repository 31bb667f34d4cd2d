package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/internal/flock"
	"github.com/mctr/mctr/internal/proc"
)

// A Run is a launch that has come so far that the command may run. It is recorded before the
// command starts, and until the container is released. If STATE is lost meanwhile, this record
// shows that the container is not a launch that was cut off. It is void after a reboot, and so it
// is not synced.
type Run struct {
	Started       time.Time `json:"started"`
	Boot          string    `json:"boot"`
	ShimPid       int       `json:"shim_pid"`
	ShimStartTime uint64    `json:"shim_start_time"` // /proc/[pid]/stat field 22
	Isolators     []string  `json:"isolators"`       // those that prepared the container
}

// BeginRun records that the command is about to run under the shim with this pid, and which
// isolators prepared the container.
func (c *Container) BeginRun(ctx context.Context, shim int, isolators []string) error {
	began, err := proc.StartTime(shim)
	if err != nil {
		return fmt.Errorf("read the start time of the shim: %w", err)
	}
	boot, err := bootID()
	if err != nil {
		return err
	}
	run := &Run{
		Started: time.Now().UTC(), Boot: string(boot), ShimPid: shim, ShimStartTime: began, Isolators: isolators,
	}
	return c.Change(ctx, BeginRun, func(s *State) { s.Run = run })
}

// Run returns the record of the present run; nil if there is none.
func (c *Container) Run() (*Run, error) {
	s, err := c.State()
	if err != nil {
		return nil, err
	}
	return s.Run, nil
}

// EndRun removes the record of the run of a container that is released. A damaged state, and that
// of a newer build, stay as they are: the termination shows that the container does not run.
func (c *Container) EndRun(ctx context.Context) error {
	s, err := c.State()
	if errors.Is(err, ErrDamaged) || errors.Is(err, errNewer) {
		return nil
	}
	if err != nil || s.Run == nil {
		return err
	}
	return unlessGone(c.Change(ctx, EndRun, func(s *State) { s.Run = nil }))
}

// Supervised returns true if the shim of the run still lives.
func (r *Run) Supervised() bool {
	boot, err := bootID()
	return err == nil && string(boot) == r.Boot && proc.Is(r.ShimPid, r.ShimStartTime)
}

// Is returns true if both are runs of the same shim, or both are nil.
func (r *Run) Is(other *Run) bool {
	if r == nil || other == nil {
		return r == other
	}
	return r.Boot == other.Boot && r.ShimPid == other.ShimPid && r.ShimStartTime == other.ShimStartTime
}

// ShimAlive returns true if the container's shim holds the lock of its directory.
func (c *Container) ShimAlive() (bool, error) { return flock.Held(c.inState(wire.AliveName)) }

// Supervised returns true if the container's shim lives: by the lock of its directory or, if the
// directory was deleted, by the record of the run.
func (c *Container) Supervised() (bool, error) {
	if alive, err := c.ShimAlive(); alive || err != nil {
		return alive, err
	}
	run, err := c.Run()
	return err == nil && run != nil && run.Supervised(), nil
}

// Ran returns true if the container's command was started in the present run, or if that is unknown.
func (c *Container) Ran() bool {
	run, err := c.Run()
	if err != nil || run != nil {
		return true
	}
	return !c.Started().IsZero()
}

// Started returns when the container's command was started, by the journal of the present run; zero
// if it was not.
func (c *Container) Started() time.Time {
	reached, _ := c.Journal().Read()
	return StartOf(reached)
}

// bootID returns the kernel's random id of this boot (random(4)).
func bootID() ([]byte, error) { return os.ReadFile("/proc/sys/kernel/random/boot_id") }
