// Package reconcile finds what containers have left on the host, and undoes what belongs to no
// container. It looks at records, mounts, control groups, processes, locks, names and leases, and
// asks the isolators. It ignores what belongs to others, by its name or because no record proves
// that it is mctr's.
//
// It keeps nothing on disk, and makes nothing in the kernel.
package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/moby/sys/mountinfo"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/internal/flock"
	"github.com/mctr/mctr/internal/proc"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/provisioner"
)

// The kinds of a Leftover.
const (
	kindContainer = "container"
	kindMount     = "mount"
	kindCgroup    = "cgroup"
	kindProcess   = "process"
	kindDirectory = "directory"
	kindLease     = "lease"
	kindFile      = "file"
)

// Leases are the methods of a provisioner that a Scanner needs.
type Leases interface {
	Leases() (map[string]*provisioner.Image, error)
	Release(holder string) error
}

// A Scanner finds what belongs to no living container of a store. Only Sweep, Undo and UndoRest
// change anything.
type Scanner struct {
	Store     *store.Store
	Images    Leases // nil: there are no images
	Isolators []isolators.Isolator

	// RestartOrphaned returns true if the process that was about to restart the container is dead.
	RestartOrphaned func(mctr.ContainerID) bool
	// GroupAbandoned returns true if the launch of the group with this root was cut off.
	GroupAbandoned func(*store.Record) bool
	// Wake has the container's shim, if it lives, make its directory in STATE again.
	Wake func(context.Context, mctr.ContainerID) error
}

// A scan is one scan of the host.
type scan struct {
	*Scanner
	seen  map[mctr.ContainerID]mctr.Phase // by records; "" if there is none
	found []mctr.Leftover
}

// Scan returns everything that is left over, except what another process works on, because it holds
// the lock. It goes on past errors.
func (s *Scanner) Scan(ctx context.Context) ([]mctr.Leftover, error) {
	one := &scan{Scanner: s, seen: map[mctr.ContainerID]mctr.Phase{}}
	var errs []error
	for _, look := range []func(context.Context) error{
		one.records, one.mounts, one.cgroups, one.shims, one.names, one.leases, one.files, one.isolated,
	} {
		errs = append(errs, look(ctx))
	}
	return one.found, errors.Join(errs...)
}

func (s *Scanner) handleOf(id mctr.ContainerID) mctr.Handle { return s.Store.Container(id).Handle() }

func (s *scan) add(kind, object string, owner mctr.ContainerID, why, undo string) {
	s.found = append(s.found, mctr.Leftover{Kind: kind, Object: object, Owner: owner, Why: why, Undo: undo})
}

// records looks at every directory that belongs or belonged to a container.
func (s *scan) records(ctx context.Context) error {
	var errs []error
	for _, parent := range []string{s.Store.Containers(), s.Store.Running()} {
		entries, err := os.ReadDir(parent)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
		for _, e := range entries {
			if err := s.record(mctr.ContainerID(e.Name()), filepath.Join(parent, e.Name())); err != nil {
				errs = append(errs, err)
			}
		}
	}
	s.grouped(ctx)
	return errors.Join(errs...)
}

func (s *scan) record(id mctr.ContainerID, dir string) error {
	if _, seen := s.seen[id]; seen || id.Validate() != nil {
		return nil
	}
	phase, err := s.Store.Container(id).Phase()
	if errors.Is(err, mctr.ErrNotFound) {
		return nil // the container was removed since the directories were read
	}
	if err != nil {
		return err
	}
	s.seen[id] = phase
	if busy, err := s.Store.Container(id).Locked(); err != nil || busy {
		return err
	}
	_, err = os.Lstat(s.Store.Container(id).StateDir())
	switch {
	case phase.Launching():
		s.add(kindDirectory, dir, id, "its launch was abandoned in phase "+string(phase),
			"undo the launch and remove it")
	case phase.Alive() && s.groupAbandoned(id):
		s.add(kindContainer, string(id), id, "the launch of its group was abandoned",
			"end it with its tasks and remove it")
	case phase == mctr.Lost:
		s.add(kindContainer, string(id), id, "its shim is gone and recorded no end",
			"kill its processes, record the loss, release it")
	case (phase == mctr.Exited || phase == mctr.Destroying) && err == nil:
		s.add(kindDirectory, s.Store.Container(id).StateDir(), id, "the container has ended and is not cleaned up",
			"release it")
	case phase == mctr.Exited && s.RestartOrphaned(id):
		s.add(kindContainer, string(id), id, "its restart policy was about to start it, and who was to do that is gone",
			"start it")
	}
	return nil
}

func (s *scan) groupAbandoned(id mctr.ContainerID) bool {
	r, err := s.Store.Container(id).Record()
	return err == nil && s.GroupAbandoned(r)
}

// accounted returns true if container id may have mounts, groups and processes: it runs, is being
// launched, or is being released.
func (s *scan) accounted(id mctr.ContainerID) bool {
	phase := s.seen[id]
	if phase == "" || phase == mctr.Created || phase == mctr.Lost {
		return false
	}
	if phase != mctr.Exited && !phase.Launching() {
		return true
	}
	busy, err := s.Store.Container(id).Locked()
	return err != nil || busy
}

// mounts looks below STATE/containers, where only mctr mounts anything.
func (s *scan) mounts(context.Context) error {
	infos, err := mountinfo.GetMounts(mountinfo.PrefixFilter(s.Store.Running()))
	if err != nil {
		return err
	}
	for _, m := range infos {
		rest := strings.TrimPrefix(m.Mountpoint, s.Store.Running()+"/")
		name, _, below := strings.Cut(rest, "/")
		id := mctr.ContainerID(name)
		if below && rest != m.Mountpoint && id.Validate() == nil && !s.accounted(id) &&
			m.Mountpoint == s.Store.Container(id).Rootfs() {
			s.add(kindMount, m.Mountpoint, id, "no running container has it", "unmount it")
		}
	}
	return nil
}

// cgroups looks at the groups of all containers known so far.
func (s *scan) cgroups(context.Context) error {
	for id := range s.seen {
		if s.accounted(id) {
			continue
		}
		group := s.Store.Container(id).WholeCgroup()
		for _, dir := range cgroup.Dirs(group) {
			s.add(kindCgroup, dir, id, "its container does not run", "kill what is in it and remove it")
		}
		pids, err := cgroup.Pids(group)
		if err != nil {
			return err
		}
		for _, pid := range pids {
			s.add(kindProcess, fmt.Sprintf("%d (%s)", pid, proc.Command(pid)), id,
				"it is in the control group of a container that does not run", "kill it")
		}
	}
	return nil
}

// shims looks for shims of containers that need none.
func (s *scan) shims(context.Context) error {
	groups := map[string]bool{s.Store.Container("").ShimCgroup(): true}
	for id := range s.seen {
		groups[s.Store.Container(id).ShimCgroup()] = true
	}
	var errs []error
	for group := range groups {
		errs = append(errs, s.shimsIn(group))
	}
	return errors.Join(errs...)
}

func (s *scan) shimsIn(group string) error {
	pids, err := cgroup.Pids(group)
	if err != nil {
		return err
	}
	for _, pid := range pids {
		name, ours := strings.CutPrefix(launcher.Directory(pid), s.Store.Running()+"/")
		id := mctr.ContainerID(name)
		if ours && id.Validate() == nil && !s.accounted(id) {
			s.add(kindProcess, fmt.Sprintf("%d (%s)", pid, proc.Command(pid)), id,
				"it supervises a container that does not run", "kill it")
		}
	}
	return nil
}

func (s *scan) names(context.Context) error {
	entries, err := os.ReadDir(s.Store.Names())
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(s.Store.Names(), e.Name())
		if holder, err := s.Store.Named(e.Name()); err == nil && holder == "" {
			s.add(kindFile, path, "", "it names a container that does not exist", "remove it")
		}
	}
	return nil
}

func (s *scan) leases(context.Context) error {
	if s.Images == nil {
		return nil
	}
	leases, err := s.Images.Leases()
	if err != nil {
		return err
	}
	for holder := range leases {
		id := mctr.ContainerID(provisioner.HolderContainer(holder))
		if id == "" && !provisioner.HolderLives(holder) {
			s.add(kindLease, holder, "", "it keeps an image for a process that has ended", "drop it")
		}
		if _, known := s.seen[id]; !known && id.Validate() == nil {
			s.add(kindLease, holder, id, "it keeps an image for a container that does not exist", "drop it")
		}
	}
	return nil
}

// writing is how old a temporary file may be that a process is about to rename.
const writing = time.Minute

// files looks for temporary files of dead processes, and for locks of containers that do not exist
// and that no process holds.
func (s *scan) files(context.Context) error {
	for _, dir := range []string{s.Store.Names(), s.Store.State} {
		err := s.each(dir, func(e fs.DirEntry, path string) {
			if info, err := e.Info(); err == nil && atomicfile.IsTemp(e.Name()) &&
				time.Since(info.ModTime()) > writing {
				s.add(kindFile, path, "", "its writer died", "remove it")
			}
		})
		if err != nil {
			return err
		}
	}
	return s.each(s.Store.Locks(), func(e fs.DirEntry, path string) {
		id := mctr.ContainerID(e.Name())
		_, known := s.seen[id]
		if held, err := flock.Held(path); !known && !held && err == nil && id.Validate() == nil {
			s.add(kindFile, path, "", "it locks a container that does not exist", "remove it")
		}
	})
}

func (*scan) each(dir string, look func(e fs.DirEntry, path string)) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // STATE or ROOT was deleted, as Condition reports
	}
	for _, e := range entries {
		look(e, filepath.Join(dir, e.Name()))
	}
	return err
}

// isolated asks the isolators.
func (s *scan) isolated(ctx context.Context) error {
	var known []mctr.ContainerState
	for id, phase := range s.seen {
		state := mctr.ContainerState{Handle: s.handleOf(id), Phase: phase}
		if r, err := s.Store.Container(id).Record(); err == nil {
			state.Config = r.Config
		}
		if created := s.Store.Container(id).Created(); created != nil {
			state.Pid = created.Pid
		}
		known = append(known, state)
	}
	var errs []error
	for _, i := range s.Isolators {
		found, err := i.Recover(ctx, known, s.handleOf)
		for n := range found {
			found[n].Isolator = i.Name()
		}
		s.found = append(s.found, found...)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", i.Name(), err))
		}
	}
	return errors.Join(errs...)
}
