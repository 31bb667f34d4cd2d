package containerizer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/internal/cgroup"
)

// Containers lists all ids, in no particular order.
func (c *Containerizer) Containers() ([]mctr.ContainerID, error) {
	entries, err := os.ReadDir(c.paths.containers())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var ids []mctr.ContainerID
	for _, e := range entries {
		if id := mctr.ContainerID(e.Name()); id.Validate() == nil {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// phase reads where id stands. It takes no lock: records are replaced whole.
func (c *Containerizer) phase(id mctr.ContainerID) (mctr.Phase, error) {
	if _, err := os.Lstat(c.paths.config(id)); err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		return c.unrecorded(id)
	}
	reached, err := c.journal(id).read()
	if err != nil {
		return "", err
	}
	if t, err := c.termination(id); err != nil || t != nil {
		return mctr.Exited, err
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

// unrecorded is the phase of a directory without config: an intent that was
// not written out, or nothing.
func (c *Containerizer) unrecorded(id mctr.ContainerID) (mctr.Phase, error) {
	for _, dir := range []string{c.paths.dir(id), c.paths.stateDir(id)} {
		if _, err := os.Lstat(dir); err == nil {
			return mctr.Provisioning, nil
		}
	}
	return "", fmt.Errorf("%w: no such container: %s", mctr.ErrNotFound, id)
}

// unlaunched is the phase of a config without journal.
func (c *Containerizer) unlaunched(id mctr.ContainerID) (mctr.Phase, error) {
	if _, err := os.Lstat(c.paths.waiting(id)); err == nil {
		return mctr.Created, nil
	}
	return mctr.Provisioning, nil
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
		return "", fmt.Errorf("%w: no such container: %s", mctr.ErrNotFound, id)
	}
	return mctr.Lost, nil
}

// Status tells what is known of id. The error wraps mctr.ErrNotFound for an unknown one.
func (c *Containerizer) Status(ctx context.Context, id mctr.ContainerID) (*mctr.Status, error) {
	r, err := c.load(id)
	if err != nil {
		return nil, err
	}
	s := &mctr.Status{
		ID: id, Config: r.Config, Created: r.Created, Restarts: r.Restarts, LogDir: c.paths.logs(id),
		Sandbox: c.paths.sandbox(id), CgroupPath: "/" + c.paths.leaf(id),
	}
	if s.Phase, s.Termination, err = c.standing(id); err != nil {
		return nil, err
	}
	s.Restarting = s.Phase == mctr.Exited && c.isResting(r)
	if why, err := os.ReadFile(c.paths.startError(id)); err == nil && s.Phase == mctr.Exited {
		s.StartError = string(why)
	}
	if err := c.statusOfState(id, s); err != nil {
		return nil, err
	}
	c.statusOfLaunch(id, s)
	for _, i := range c.isolators {
		if err := i.Status(ctx, id, s); err != nil {
			return nil, fmt.Errorf("status of %s: %w", i.Name(), err)
		}
	}
	return s, nil
}

// looks is how often two records that contradict each other are read again.
const looks = 100

// standing is where id stands with its end, which one has that has exited and no
// other: it may end, or be started again, between a look at the one and the other.
// Records that still disagree after many looks are damaged, and are given as they are.
func (c *Containerizer) standing(id mctr.ContainerID) (phase mctr.Phase, end *mctr.Termination, err error) {
	for range looks {
		phase, err = c.phase(id)
		if err != nil {
			return "", nil, err
		}
		end, err = c.termination(id)
		if err != nil || (phase == mctr.Exited) == (end != nil) {
			return phase, end, err
		}
	}
	return phase, end, nil
}

// statusOfState fills in what STATE knows.
func (c *Containerizer) statusOfState(id mctr.ContainerID, s *mctr.Status) (err error) {
	if s.Timings, err = c.journal(id).read(); err != nil {
		return err
	}
	if len(s.Timings) == 0 && s.Phase == mctr.Exited {
		s.Timings, _ = journal{c.paths.story(id)}.read() // what was kept of it
	}
	_, err = os.Lstat(c.paths.stateDir(id))
	s.Cleaned = s.Phase == mctr.Exited && errors.Is(err, fs.ErrNotExist)
	s.Started = startOf(s.Timings)
	if created := c.createdRecord(id); created != nil && s.Termination == nil {
		s.Pid, s.ShimPid = created.Pid, created.ShimPid
		s.Rootfs, s.Health, s.Ready = c.paths.rootfs(id), readHealth(c.paths.health(id)), readHealth(c.paths.ready(id))
	}
	if s.Termination != nil {
		s.Started = s.Termination.Started
	}
	return nil
}

// statusOfLaunch fills in what the launch came to.
func (c *Containerizer) statusOfLaunch(id mctr.ContainerID, s *mctr.Status) {
	r := c.resolved(id)
	s.ImageID, s.StopSignal, s.Warnings = r.ImageID, r.StopSignal, r.Warnings
	if r.Spec == nil || r.Spec.Process == nil {
		return
	}
	if args := r.Spec.Process.Args; len(args) > 0 {
		s.Path, s.Args = args[0], args[1:]
	}
	for _, m := range r.Spec.Mounts {
		s.Mounts = append(s.Mounts, mctr.Mount{Type: m.Type, Source: m.Source, Target: m.Destination, Options: m.Options})
	}
}

// Usage sums up what id consumes, from every isolator that knows some of it. The
// error wraps mctr.ErrState when it does not run.
func (c *Containerizer) Usage(ctx context.Context, id mctr.ContainerID) (*mctr.Usage, error) {
	u := &mctr.Usage{}
	for _, i := range c.isolators {
		if err := i.Usage(ctx, id, u); err != nil {
			return nil, fmt.Errorf("usage of %s: %w", i.Name(), err)
		}
	}
	if u.Pids > 0 {
		return u, nil // it runs, which the records need not be asked for
	}
	phase, err := c.phase(id)
	if err != nil {
		return nil, err
	}
	if phase != mctr.Running && phase != mctr.Paused {
		return nil, fmt.Errorf("%w: container %s is not running", mctr.ErrState, id)
	}
	return u, nil
}
