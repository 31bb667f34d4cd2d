// Package store keeps everything that is on disk about containers: records, state, journal,
// locks, names, ends and events. It starts and ends nothing.
//
// On disk: see [Layout], which draws every path. In the kernel: a mount of STATE onto
// itself, unbindable; locks (flock(2)), which end with the process that holds them. All
// else survives the process that wrote it, and is read anew at every call: any number of
// processes use one pair of directories.
//
// Where a container stands is written down by two hands. Its launcher appends checkpoints
// to the journal in STATE, which says how far a launch or a release has come; the shim
// records the end. What no journal can say, because it has to outlast the run, is in
// state.json: see [State]. [Container.Phase] is computed from them:
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

// A Store is what is on disk below one ROOT and one STATE.
type Store struct {
	Layout

	// Log is told what no call can return.
	Log *slog.Logger
	// AfterBoot is called by the first set-up after a reboot: it records the ends of what ran before.
	AfterBoot func(context.Context)
}

// New returns the store of a pair of directories, which need not exist: see
// [Store.SetUp]. It logs nowhere, and nothing is done after a reboot.
func New(root, state string) *Store {
	return &Store{
		Layout: Layout{Root: root, State: state},
		Log:    slog.New(slog.DiscardHandler), AfterBoot: func(context.Context) {},
	}
}

// At returns the store of directories that a containerizer has set up: its control groups
// are below the one that STATE records.
func At(root, state string) *Store {
	s := New(root, state)
	s.Parent, _ = s.RecordedParent() // where it cannot be read, a containerizer's New reports that
	return s
}

// A Container is the handle of one container, whether it exists or not.
type Container struct {
	stateJSON
	store *Store
}

// Container returns the handle of id.
func (s *Store) Container(id mctr.ContainerID) *Container {
	return &Container{stateJSON: stateJSON{records{s.Paths(id)}}, store: s}
}

// HandleOf returns what isolators get of a container.
func (s *Store) HandleOf(id mctr.ContainerID) mctr.Handle { return s.Paths(id).Handle() }

// Exists returns true if ROOT or STATE has anything of the container.
func (p records) Exists() bool {
	for _, dir := range []string{p.Dir(), p.StateDir()} {
		if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
			return true
		}
	}
	return false
}

// AtRest returns true if STATE has nothing of the container: it waits for its first
// start, or its end was released.
func (p records) AtRest() bool {
	_, err := os.Lstat(p.StateDir())
	return errors.Is(err, fs.ErrNotExist)
}

// IDs lists the containers that have a directory in ROOT.
func (s *Store) IDs() ([]mctr.ContainerID, error) { return idsIn(s.Containers()) }

// RunningIDs lists the containers that have a directory in STATE.
func (s *Store) RunningIDs() ([]mctr.ContainerID, error) { return idsIn(s.Running()) }

// AllIDs lists all containers that ROOT or STATE has a directory of, children first.
func (s *Store) AllIDs() ([]mctr.ContainerID, error) {
	ids, err := s.IDs()
	running, errRunning := s.RunningIDs()
	ids = append(ids, running...)
	slices.SortFunc(ids, func(a, b mctr.ContainerID) int { return strings.Compare(string(b), string(a)) })
	return slices.Compact(ids), errors.Join(err, errRunning)
}

// idsIn are the containers that have an entry in dir; none where there is no dir.
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

// notFound is the error of a container that does not exist.
func notFound[T ~string](ref T) error {
	return fmt.Errorf("%w: no such container: %s", mctr.ErrNotFound, ref)
}
