package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cgroup"
)

// Phase returns the container's phase. It takes no lock: records are replaced as a whole. The only
// error is mctr.ErrNotFound. A container whose records cannot be read, or contradict what runs, is
// mctr.Damaged: only a request of a user changes that.
func (c *Container) Phase() (mctr.Phase, error) {
	phase, damage := c.PhaseAndDamage()
	if errors.Is(damage, mctr.ErrNotFound) {
		return "", damage
	}
	return phase, nil
}

// PhaseAndDamage returns the phase and, for a damaged container, the reason; or an error that
// wraps mctr.ErrNotFound.
func (c *Container) PhaseAndDamage() (mctr.Phase, error) {
	phase, err := c.recordedPhase()
	if err != nil {
		return mctr.Damaged, err
	}
	if phase != mctr.Running && phase != mctr.Paused {
		return phase, nil
	}
	if _, err := os.Lstat(c.ConfigFile()); errors.Is(err, fs.ErrNotExist) {
		return mctr.Damaged, fmt.Errorf("it runs, and what was asked for, %s, is gone", c.ConfigFile())
	}
	return phase, nil
}

func (c *Container) recordedPhase() (mctr.Phase, error) {
	if t, err := c.Termination(); err != nil || t != nil {
		return mctr.Exited, err
	}
	reached, err := c.Journal().Read()
	if err != nil {
		return "", err
	}
	if len(reached) == 0 {
		return c.unlaunched()
	}
	phase := PhaseOf(reached[len(reached)-1].Checkpoint)
	if phase == mctr.Running {
		return c.alive()
	}
	return phase, nil
}

// unlaunched returns the phase of a container without a journal: it is not launched, or it runs
// although its directory in STATE was deleted.
func (c *Container) unlaunched() (mctr.Phase, error) {
	s, err := c.State()
	if err != nil {
		return "", err
	}
	switch {
	case s.Run != nil:
		return c.withoutJournal(s.Run)
	case s.Pending == FirstStart:
		return mctr.Created, nil
	case !c.Exists():
		return "", notFound(c.ID)
	}
	return mctr.Provisioning, nil // or its launcher was killed before it wrote the intent to launch
}

// withoutJournal returns the phase of a container without a journal whose state says that run began.
func (c *Container) withoutJournal(run *Run) (mctr.Phase, error) {
	held, err := c.ShimAlive()
	switch {
	case err != nil:
		return "", err
	case held:
		return c.alive()
	case run.Supervised():
		return "", fmt.Errorf(
			"it runs, and its directory %s is gone: its supervisor (pid %d) makes it again within a few seconds",
			c.StateDir(), run.ShimPid)
	}
	if t, err := c.Termination(); err != nil || t != nil { // the shim records the exit before it exits itself
		return mctr.Exited, err
	}
	return mctr.Lost, nil
}

// alive returns Running or Paused if the shim lives, and otherwise Exited or Lost.
func (c *Container) alive() (mctr.Phase, error) {
	alive, err := c.ShimAlive()
	if err != nil {
		return "", err
	}
	if alive {
		if cgroup.Frozen(c.Cgroup()) {
			return mctr.Paused, nil
		}
		return mctr.Running, nil
	}
	// The shim records the exit before it exits itself, so look once more.
	if t, err := c.Termination(); err != nil || t != nil {
		return mctr.Exited, err
	}
	if c.AtRest() {
		return c.unlaunched() // the container, or its directory in STATE, was removed a moment ago
	}
	return mctr.Lost, nil
}
