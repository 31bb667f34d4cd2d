// Package store is everything about containers that is on disk: records, state, journal, locks,
// names, ends and events. It starts and stops nothing.
//
// On disk: see [Layout], which draws every path. In the kernel: a mount of STATE onto itself,
// unbindable; locks (flock(2)), which end with the process that holds them. All else survives the
// process that wrote it, and is read again in every call: any number of processes may use one
// pair of directories.
//
// Two processes record the progress of a container. Its launcher appends checkpoints to the journal
// in STATE, which say how far a launch or a release has come; the shim records the exit. What must
// outlast the run, and so cannot be in the journal, is in state.json: see [State].
// [Container.Phase] computes the phase from all of these:
//
//	          Create                    Start                  Start (again)
//	(none) ──────────► CREATED ───────────┐  ┌───────────────────────────────┐
//	   │                                  ▼  ▼                               │
//	   └── Launch ──► PROVISIONING ► PREPARING ► ISOLATING ► RUNNING ◄─► PAUSED
//	                       │  journal: intent, image, prepare/…, …, running  │
//	                       │ cut off or failed: undone,            exit.json │
//	                       ▼ back to where Start began                       ▼
//	                  DESTROYING ◄── journal: destroy, …, released ── EXITED, or LOST
//	                       │                                      if the shim died
//	                       └──► EXITED, at rest: nothing in STATE ──► Start (again), Remove
//
// Records that are missing or unreadable while the container runs make it DAMAGED.
package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/mctr/mctr"
)

// A Store is the records of the containers of one ROOT and one STATE.
type Store struct {
	Layout

	// Log receives problems that no call can return.
	Log *slog.Logger
	// AfterBoot is called by the first set-up after a reboot: it records the ends of the containers that ran before.
	AfterBoot func(context.Context)
}

// New returns the store of a pair of directories, which need not exist: see [Store.SetUp]. By default
// nothing is logged, and nothing is done after a reboot.
func New(root, state string) *Store {
	return &Store{
		Layout: Layout{Root: root, State: state},
		Log:    slog.New(slog.DiscardHandler), AfterBoot: func(context.Context) {},
	}
}

// At returns the store of directories that a containerizer has set up: its control groups are
// below the parent that STATE records.
func At(root, state string) *Store {
	s := New(root, state)
	s.Parent, _ = s.RecordedParent() // an error is reported by containerizer.New
	return s
}

// A Container is the handle of one container, whether it exists or not.
type Container struct {
	stateJSON
	store *Store
}

// Container returns the handle of container id.
func (s *Store) Container(id mctr.ContainerID) *Container {
	return &Container{stateJSON: stateJSON{records{s.Paths(id)}}, store: s}
}

// HandleOf returns the handle that isolators get of container id.
func (s *Store) HandleOf(id mctr.ContainerID) mctr.Handle { return s.Paths(id).Handle() }

// Exists returns true if the container has a directory in ROOT or in STATE.
func (p records) Exists() bool {
	for _, dir := range []string{p.Dir(), p.StateDir()} {
		if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
			return true
		}
	}
	return false
}

// AtRest returns true if the container has no directory in STATE: it awaits its first start, or has
// exited and is released.
func (p records) AtRest() bool {
	_, err := os.Lstat(p.StateDir())
	return errors.Is(err, fs.ErrNotExist)
}

// IDs lists the containers that have a directory in ROOT.
func (s *Store) IDs() ([]mctr.ContainerID, error) { return idsIn(s.Containers()) }

// RunningIDs lists the containers that have a directory in STATE.
func (s *Store) RunningIDs() ([]mctr.ContainerID, error) { return idsIn(s.Running()) }

// AllIDs lists all containers that have a directory in ROOT or in STATE, children first.
func (s *Store) AllIDs() ([]mctr.ContainerID, error) {
	ids, err := s.IDs()
	running, errRunning := s.RunningIDs()
	ids = append(ids, running...)
	slices.SortFunc(ids, func(a, b mctr.ContainerID) int { return strings.Compare(string(b), string(a)) })
	return slices.Compact(ids), errors.Join(err, errRunning)
}

// idsIn returns the ids that have an entry in dir; none if dir does not exist.
func idsIn(dir string) (ids []mctr.ContainerID, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		if id := mctr.ContainerID(e.Name()); id.Validate() == nil {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// notFound returns the error for a container that does not exist.
func notFound[T ~string](ref T) error {
	return fmt.Errorf("%w: no such container: %s", mctr.ErrNotFound, ref)
}
