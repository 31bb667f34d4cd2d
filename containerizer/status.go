package containerizer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/rootfs"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/containerizer/supervise"
	"github.com/mctr/mctr/internal/cgroup"
)

// Containers lists the ids of all containers, in no particular order. It includes containers that
// run although their records in ROOT were removed.
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
		if phase, err := c.store.Container(id).Phase(); err == nil && phase == mctr.Damaged {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// Status returns what is known of a container. The error wraps mctr.ErrNotFound for an unknown
// id. Missing or unreadable records are not an error: the phase is mctr.Damaged then, and Config
// is empty if it cannot be read.
func (c *Containerizer) Status(ctx context.Context, id mctr.ContainerID) (*mctr.Status, error) {
	container := c.store.Container(id)
	r, unreadable := container.Record()
	if unreadable != nil {
		// A container without a record is being made or removed at this moment, unless it runs.
		if phase, err := container.Phase(); err != nil ||
			errors.Is(unreadable, mctr.ErrNotFound) && phase != mctr.Damaged {
			return nil, unreadable
		}
		r = &store.Record{ID: id, Config: &mctr.ContainerConfig{}}
	}
	s := &mctr.Status{
		ID: id, Config: r.Config, Created: r.Created, LogDir: container.Logs(),
		Sandbox: container.Sandbox(), CgroupPath: "/" + container.Cgroup(),
	}
	damage, err := phaseAndEnd(container, s)
	if err != nil {
		return nil, err
	}
	if unreadable != nil || damage != nil {
		s.Phase, s.Damage = mctr.Damaged, errors.Join(damage, unreadable).Error()
	}
	s.Restarting = s.Phase == mctr.Exited && c.supervise.RestartPending(r)
	if state, err := container.State(); err == nil {
		s.Restarts = state.Restarts
		if s.Phase == mctr.Exited {
			s.StartError = state.StartError
		}
	}
	statusOfState(container, s)
	statusOfLaunch(container, s)
	for _, i := range c.isolators {
		if err := i.Status(ctx, container.Handle(), s); err != nil {
			s.Warnings = append(s.Warnings, fmt.Sprintf("status of %s: %v", i.Name(), err))
		}
	}
	return s, nil
}

// looks is how often two records that contradict each other are read again.
const looks = 100

// phaseAndEnd fills in the phase and, for an exited container, the termination. The container may
// exit, or be started again, between the two reads; records that still disagree after many looks
// are damaged.
func phaseAndEnd(c *store.Container, s *mctr.Status) (damage, err error) {
	for range looks {
		s.Phase, damage = c.PhaseAndDamage()
		if errors.Is(damage, mctr.ErrNotFound) {
			return nil, damage
		}
		if damage != nil {
			return damage, nil
		}
		end, err := c.Termination()
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

// statusOfState fills in what STATE has.
func statusOfState(c *store.Container, s *mctr.Status) {
	s.Timings, _ = c.Journal().Read() // damage is reported elsewhere
	if len(s.Timings) == 0 && s.Phase == mctr.Exited {
		s.Timings, _ = c.LastJournal().Read() // of the last run
	}
	_, err := os.Lstat(c.StateDir())
	s.Cleaned = s.Phase == mctr.Exited && errors.Is(err, fs.ErrNotExist)
	s.Started = store.StartOf(s.Timings)
	if run, err := c.Run(); err == nil && run != nil {
		s.Started = run.Started
	}
	if created := c.Created(); created != nil && s.Termination == nil {
		s.Pid, s.ShimPid = created.Pid, created.ShimPid
		if s.Damage == "" { // a damaged record does not say whether the container has an image
			s.Rootfs = rootfs.Of(c, s.Config)
		}
		s.Health = supervise.Verdict(c.Health(), supervise.HealthCheck(c))
		s.Ready = supervise.Verdict(c.Ready(), s.Config.Ready)
	}
	if s.Termination != nil {
		s.Started = s.Termination.Started
	}
}

// statusOfLaunch fills in the results of the launch.
func statusOfLaunch(c *store.Container, s *mctr.Status) {
	r := c.Resolved()
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

// Pids returns the container's processes, by their pids on the host. The error wraps mctr.ErrState
// if the container does not run.
func (c *Containerizer) Pids(id mctr.ContainerID) ([]int, error) {
	pids, err := cgroup.Pids(c.store.Container(id).Cgroup())
	if err == nil && len(pids) == 0 {
		err = fmt.Errorf("%w: container %s is not running", mctr.ErrState, id.Short())
	}
	return pids, err
}

// Condition returns nil if the directories are as New left them and every container's records can
// be read. Otherwise the error wraps mctr.ErrUnavailable and names the problem; new containers
// can be launched nevertheless.
func (c *Containerizer) Condition() error {
	errs := c.store.Missing()
	ids, err := c.Containers()
	if err != nil {
		errs = append(errs, err)
	}
	slices.Sort(ids)
	for _, id := range ids {
		_, damage := c.store.Container(id).PhaseAndDamage()
		if _, unreadable := c.store.Container(id).Record(); damage == nil && !errors.Is(unreadable, mctr.ErrNotFound) {
			damage = unreadable
		}
		if damage != nil && !errors.Is(damage, mctr.ErrNotFound) {
			errs = append(errs, fmt.Errorf("container %s is damaged: %w", id.Short(), damage))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%w: degraded: %w", mctr.ErrUnavailable, err)
	}
	return nil
}
