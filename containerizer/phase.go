package containerizer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/internal/cgroup"
)

// phase reads where id stands. It takes no lock: records are replaced whole. The only
// error is mctr.ErrNotFound: a container whose records cannot be read, or do not account
// for what runs, is mctr.Damaged, which nothing undoes but a user's order.
func (c *Containerizer) phase(id mctr.ContainerID) (mctr.Phase, error) {
	phase, damage := c.phaseAndDamage(id)
	if errors.Is(damage, mctr.ErrNotFound) {
		return "", damage
	}
	return phase, nil
}

// phaseAndDamage is phase with the reason why the container is damaged; or with an error
// that wraps mctr.ErrNotFound.
func (c *Containerizer) phaseAndDamage(id mctr.ContainerID) (mctr.Phase, error) {
	phase, err := c.recordedPhase(id)
	if err != nil {
		return mctr.Damaged, err
	}
	if phase != mctr.Running && phase != mctr.Paused {
		return phase, nil
	}
	if _, err := os.Lstat(c.paths.config(id)); errors.Is(err, fs.ErrNotExist) {
		return mctr.Damaged, fmt.Errorf("it runs, and what was asked for, %s, is gone", c.paths.config(id))
	}
	return phase, nil
}

func (c *Containerizer) recordedPhase(id mctr.ContainerID) (mctr.Phase, error) {
	if t, err := c.termination(id); err != nil || t != nil {
		return mctr.Exited, err
	}
	reached, err := c.journal(id).read()
	if err != nil {
		return "", err
	}
	if len(reached) == 0 {
		return c.unlaunched(id)
	}
	phase := phaseOf(reached[len(reached)-1].Checkpoint)
	if phase == mctr.Running {
		return c.alive(id)
	}
	return phase, nil
}

// unlaunched is the phase of a container without a journal: of one that is not launched,
// or that runs although its directory in STATE was deleted.
func (c *Containerizer) unlaunched(id mctr.ContainerID) (mctr.Phase, error) {
	run, err := c.run(id)
	if err != nil {
		return "", err
	}
	if run != nil {
		return c.withoutJournal(id, run)
	}
	if _, err := os.Lstat(c.paths.waiting(id)); err == nil {
		return mctr.Created, nil
	}
	if !c.hasRecords(id) {
		return "", fmt.Errorf("%w: no such container: %s", mctr.ErrNotFound, id)
	}
	return mctr.Provisioning, nil // or an intent that was not written out
}

// withoutJournal is the phase of a container whose run was begun, by ROOT's word.
func (c *Containerizer) withoutJournal(id mctr.ContainerID, run *run) (mctr.Phase, error) {
	held, err := launcher.Alive(c.paths.stateDir(id))
	switch {
	case err != nil:
		return "", err
	case held:
		return c.alive(id)
	case run.supervised():
		return "", fmt.Errorf(
			"it runs, and its directory %s is gone: its supervisor (pid %d) makes it again within a few seconds",
			c.paths.stateDir(id), run.ShimPid)
	}
	if t, err := c.termination(id); err != nil || t != nil { // which the shim records before it goes
		return mctr.Exited, err
	}
	return mctr.Lost, nil
}

// alive tells a running container from one whose shim is lost.
func (c *Containerizer) alive(id mctr.ContainerID) (mctr.Phase, error) {
	alive, err := launcher.Alive(c.paths.stateDir(id))
	if err != nil {
		return "", err
	}
	if alive {
		if cgroup.Frozen(c.paths.leaf(id)) {
			return mctr.Paused, nil
		}
		return mctr.Running, nil
	}
	// The shim records the end before it goes, so look once more.
	if t, err := c.termination(id); err != nil || t != nil {
		return mctr.Exited, err
	}
	if _, err := os.Lstat(c.paths.stateDir(id)); errors.Is(err, fs.ErrNotExist) {
		return c.unlaunched(id) // it was removed a moment ago, or its directory was
	}
	return mctr.Lost, nil
}
