package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/atomicfile"
)

// The first layout had no state.json. These files in the container's directory in ROOT held
// what State holds now, and config.json held the counts of restarts.
const (
	earlierWaiting    = "waiting"     // Pending: FirstStart
	earlierAgain      = "again"       // Pending: Restart
	earlierStopped    = "stopped"     // Desired: ToStop
	earlierLaunched   = "launched"    // Complete
	earlierStartError = "start_error" // StartError, as text
	earlierRun        = "run.json"
	earlierUpdate     = "update.json"
	earlierLast       = "last.json" // LastExit
)

var earlierFiles = []string{
	earlierWaiting, earlierAgain, earlierStopped, earlierLaunched, earlierStartError, earlierRun, earlierUpdate,
	earlierLast,
}

// earlierState returns the state of a container of the first layout, and the zero state for a
// container that is being reserved or does not exist.
func (f stateJSON) earlierState() (*State, error) {
	s := &State{}
	entries, err := os.ReadDir(f.Dir())
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	errs := []error{}
	for _, e := range entries {
		errs = append(errs, f.readEarlier(s, e.Name()))
	}
	if r, err := f.Record(); err == nil {
		s.Restarts, s.Streak = r.EarlierRestarts, r.EarlierStreak
	}
	return s, errors.Join(errs...)
}

// readEarlier adds to s what the file called name holds.
func (f stateJSON) readEarlier(s *State, name string) error {
	path := f.in(name)
	switch name {
	case earlierWaiting:
		s.Pending = FirstStart
	case earlierAgain:
		s.Pending = Restart
	case earlierStopped:
		s.Desired = ToStop
	case earlierLaunched:
		s.Complete = true
	case earlierStartError:
		why, err := atomicfile.Read(path)
		s.StartError = string(why)
		return unlessGone(err)
	case earlierRun:
		var run struct {
			Started       time.Time
			Boot          string
			ShimPid       int
			ShimStartTime uint64
			Isolators     []string
		}
		if err := atomicfile.ReadJSON(path, &run); err != nil {
			return unlessGone(err)
		}
		s.Run = &Run{
			Started: run.Started, Boot: run.Boot, ShimPid: run.ShimPid, ShimStartTime: run.ShimStartTime,
			Isolators: run.Isolators,
		}
	case earlierUpdate:
		update := &mctr.Resources{}
		if err := decodeFile(path, update); err != nil {
			return unlessGone(err)
		}
		s.Update = update
	case earlierLast:
		last := &mctr.Termination{}
		if err := atomicfile.ReadJSON(path, last); err != nil {
			return unlessGone(err)
		}
		s.LastExit = last
	}
	return nil
}

func unlessGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// raiseSchema makes earlier builds refuse a container of the first layout. They would take a
// container that awaits its first start for a launch that was cut off, and undo it. Until
// state.json is written, the files of the first layout still count. raiseSchema returns false
// for a container that cannot have such files.
func (f stateJSON) raiseSchema() (earlier bool, err error) {
	r, err := f.Record()
	if errors.Is(err, mctr.ErrNotFound) {
		return false, nil // the container is being reserved
	}
	if err == nil && r.Schema > 1 {
		return true, nil // an earlier raise was cut off here, or state.json was lost
	}
	if err == nil && len(r.unknown) > 0 {
		err = r.unknown
	}
	if err == nil {
		r.Schema = recordSchema
		err = atomicfile.WriteDurableJSON(f.ConfigFile(), r)
	}
	if err != nil {
		return false, fmt.Errorf("bring the records of container %s to this build's layout: %w", f.ID.Short(), err)
	}
	return true, nil
}

// removeEarlier removes the files that state.json replaces, except those by which an earlier
// build that still runs knows how to undo a launch of its own.
func (f stateJSON) removeEarlier(s *State) error {
	keep := map[string]bool{earlierWaiting: s.Pending == FirstStart}
	if !f.AtRest() {
		keep[earlierWaiting], keep[earlierLast] = true, true
	}
	var errs []error
	for _, name := range earlierFiles {
		if !keep[name] {
			errs = append(errs, Remove(f.in(name)))
		}
	}
	return errors.Join(errs...)
}

// markWaiting writes the mark of the first layout beside the state of a container that awaits
// its first start: an earlier build, which does not read the state, would take the container
// for a launch that was cut off, and remove it.
func (f stateJSON) markWaiting() error { return os.WriteFile(f.in(earlierWaiting), nil, 0o600) }

// unmarkLaunch removes what markWaiting and removeEarlier left of a container that runs now.
func (f stateJSON) unmarkLaunch() error {
	return errors.Join(Remove(f.in(earlierWaiting)), Remove(f.in(earlierLast)))
}

// Upgrade converts a container of the first layout to this one. Callers are about to write
// its record, which would lose the counts of the first layout.
func (f stateJSON) Upgrade(ctx context.Context) error {
	if _, err := os.Lstat(f.stateFile()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := os.Lstat(f.ConfigFile()); err != nil {
		return unlessGone(err)
	}
	return f.Change(ctx, Reserve, func(*State) {})
}
