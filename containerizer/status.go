package containerizer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/rootfs"
	"github.com/mctr/mctr/containerizer/store"
)

// Containers lists all ids, in no particular order: also those of which only STATE
// knows, that run although their records in ROOT are gone.
func (c *Containerizer) Containers() ([]mctr.ContainerID, error) {
	ids, err := c.store.IDs()
	if err != nil {
		return nil, err
	}
	running, err := c.store.RunningIDs()
	if err != nil {
		return nil, err
	}
	recorded := map[mctr.ContainerID]bool{}
	for _, id := range ids {
		recorded[id] = true
	}
	for _, id := range running {
		if recorded[id] {
			continue
		}
		if phase, err := c.handle(id).Phase(); err == nil && phase == mctr.Damaged {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// Status tells what is known of id. The error wraps mctr.ErrNotFound for an unknown one.
// A container whose records are missing or unreadable is not an error: its phase is
// mctr.Damaged, and Config is empty where it cannot be read.
func (c *Containerizer) Status(ctx context.Context, id mctr.ContainerID) (*mctr.Status, error) {
	r, unreadable := c.handle(id).Record()
	if unreadable != nil {
		// One without a record is only just being made or removed, unless it runs.
		if phase, err := c.handle(id).Phase(); err != nil ||
			errors.Is(unreadable, mctr.ErrNotFound) && phase != mctr.Damaged {
			return nil, unreadable
		}
		r = &store.Record{ID: id, Config: &mctr.ContainerConfig{}}
	}
	s := &mctr.Status{
		ID: id, Config: r.Config, Created: r.Created, LogDir: c.handle(id).Logs(),
		Sandbox: c.handle(id).Sandbox(), CgroupPath: "/" + c.handle(id).Cgroup(),
	}
	damage, err := c.phaseAndEnd(id, s)
	if err != nil {
		return nil, err
	}
	if unreadable != nil || damage != nil {
		s.Phase, s.Damage = mctr.Damaged, errors.Join(damage, unreadable).Error()
	}
	s.Restarting = s.Phase == mctr.Exited && c.restartPending(r)
	if state, err := c.handle(id).State(); err == nil {
		s.Restarts = state.Restarts
		if s.Phase == mctr.Exited {
			s.StartError = state.StartError
		}
	}
	c.statusOfState(id, s)
	c.statusOfLaunch(id, s)
	for _, i := range c.isolators {
		if err := i.Status(ctx, c.handleOf(id), s); err != nil {
			s.Warnings = append(s.Warnings, fmt.Sprintf("status of %s: %v", i.Name(), err))
		}
	}
	return s, nil
}

// looks is how often two records that contradict each other are read again.
const looks = 100

// phaseAndEnd fills in where id stands, with its end, which one has that has exited and no
// other: it may end, or be started again, between a look at the one and the other.
// Records that still disagree after many looks are damaged.
func (c *Containerizer) phaseAndEnd(id mctr.ContainerID, s *mctr.Status) (damage, err error) {
	for range looks {
		s.Phase, damage = c.handle(id).PhaseAndDamage()
		if errors.Is(damage, mctr.ErrNotFound) {
			return nil, damage
		}
		if damage != nil {
			return damage, nil
		}
		end, err := c.handle(id).Termination()
		if err != nil {
			return err, nil
		}
		if (s.Phase == mctr.Exited) == (end != nil) {
			s.Termination = end
			return nil, nil
		}
	}
	return errors.New("its records contradict each other about whether it has ended"), nil
}

// statusOfState fills in what STATE knows.
func (c *Containerizer) statusOfState(id mctr.ContainerID, s *mctr.Status) {
	s.Timings, _ = c.handle(id).Journal().Read() // what is unreadable shows as damage
	if len(s.Timings) == 0 && s.Phase == mctr.Exited {
		s.Timings, _ = c.handle(id).LastJournal().Read() // what was kept of it
	}
	_, err := os.Lstat(c.handle(id).StateDir())
	s.Cleaned = s.Phase == mctr.Exited && errors.Is(err, fs.ErrNotExist)
	s.Started = store.StartOf(s.Timings)
	if run, err := c.handle(id).Run(); err == nil && run != nil {
		s.Started = run.Started
	}
	if created := c.handle(id).Created(); created != nil && s.Termination == nil {
		s.Pid, s.ShimPid = created.Pid, created.ShimPid
		if s.Damage == "" { // or its record does not say whether it has an image
			s.Rootfs = rootfs.Of(c.handle(id), s.Config)
		}
		s.Health = verdict(c.handle(id).Health(), c.healthCheck(id))
		s.Ready = verdict(c.handle(id).Ready(), s.Config.Ready)
	}
	if s.Termination != nil {
		s.Started = s.Termination.Started
	}
}

// statusOfLaunch fills in what the launch came to.
func (c *Containerizer) statusOfLaunch(id mctr.ContainerID, s *mctr.Status) {
	r := c.handle(id).Resolved()
	s.ImageID, s.StopSignal, s.Warnings = r.ImageID, r.StopSignal, r.Warnings
	if r.Spec == nil || r.Spec.Process == nil {
		return
	}
	if args := r.Spec.Process.Args; len(args) > 0 {
		s.Path, s.Args = args[0], args[1:]
	}
	for _, m := range r.Spec.Mounts {
		s.Mounts = append(s.Mounts,
			mctr.Mount{Type: m.Type, Source: m.Source, Target: m.Destination, Options: m.Options})
	}
}

// Usage sums up what id consumes, from every isolator that knows some of it. The
// error wraps mctr.ErrState when it does not run.
func (c *Containerizer) Usage(ctx context.Context, id mctr.ContainerID) (*mctr.Usage, error) {
	u, handle := &mctr.Usage{}, c.handleOf(id)
	for _, i := range c.isolators {
		if err := i.Usage(ctx, handle, u); err != nil {
			return nil, fmt.Errorf("usage of %s: %w", i.Name(), err)
		}
	}
	if u.Pids > 0 {
		return u, nil // it runs, which the records need not be asked for
	}
	phase, err := c.handle(id).Phase()
	if err != nil {
		return nil, err
	}
	if !c.mayRun(id, phase) {
		return nil, fmt.Errorf("%w: container %s is not running", mctr.ErrState, id)
	}
	return u, nil
}
