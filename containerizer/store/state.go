package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/internal/failpoint"
	"github.com/mctr/mctr/internal/fields"
	"github.com/mctr/mctr/internal/flock"
)

// stateSchema is the version of State. A newer one is refused; fields that an older build
// may drop are added without a newer one. Version 1 had an exit and limits with names in
// camelCase.
const stateSchema = 2

// A State is what outlasts a run of a container, and is not its config: ROOT's state.json.
// It is changed by [Container.Change] alone.
type State struct {
	Schema int `json:"schema"`

	// Desired is what was last asked for.
	Desired Desired `json:"desired,omitempty"`
	// Pending is what is to be done with a container that does not run, or is being done.
	Pending Pending `json:"pending,omitempty"`
	// Restarts counts the starts after the first end, Streak those of the restart policy in a row.
	Restarts int `json:"restarts,omitempty"`
	Streak   int `json:"streak,omitempty"`
	// StartError says why the restart policy could not start the container.
	StartError string `json:"start_error,omitempty"`
	// Complete is set on the root of a group each of whose tasks was launched.
	Complete bool `json:"complete,omitempty"`

	// Run is set from when the command may run until the container is released.
	Run *Run `json:"run,omitempty"`
	// Update is set while the limits of the running container are being changed to it.
	Update *mctr.Resources `json:"update,omitempty"`
	// LastExit is how the last run ended, from when the next one begins until it runs: an
	// attempt that is undone gives it back.
	LastExit *mctr.Termination `json:"last_exit,omitempty"`
}

// Desired is what a user last asked for.
type Desired string

// What can be desired. Running is also what a restart policy goes by.
const (
	ToRun  Desired = ""        // that the container runs, or may be started by its policy
	ToStop Desired = "stopped" // that it does not run, whatever its policy says
)

// Pending is what is to be done with a container that does not run.
type Pending string

// What can be pending, until the container runs.
const (
	Nothing    Pending = ""
	FirstStart Pending = "start"   // it was created, and never ran
	Restart    Pending = "restart" // a process is about to start it by its policy
)

// A Change is one kind of change of a State. A test can stop a process behind each: the
// failpoint is called "state/" and the change's name.
type Change string

// The changes, each with the state that it comes from.
const (
	Reserve       Change = "reserve"         // none: the container is recorded
	Park          Change = "park"            // it is to wait for its first start
	Revive        Change = "revive"          // ended: its next run begins
	BeginRun      Change = "begin-run"       // isolated: the command is about to run
	Settle        Change = "settle"          // running: nothing is pending any more
	Stop          Change = "stop"            // any: it is not to run
	AllowRun      Change = "allow-run"       // any: it may run again
	AwaitRestart  Change = "await-restart"   // ended: a process is about to start it
	GiveUpRestart Change = "give-up-restart" // awaiting a restart: it is not to be, or the process leaves
	FailStart     Change = "fail-start"      // awaiting a restart: a start failed
	BeginUpdate   Change = "begin-update"    // running: its limits are about to change
	EndUpdate     Change = "end-update"      // running: they have changed, or are as they were
	CompleteGroup Change = "complete-group"  // running: each task of the group was launched
	EndRun        Change = "end-run"         // ended: it is released
	TakeBack      Change = "take-back"       // launching, after an end: the attempt is undone
)

// Changes are all of them.
var Changes = []Change{
	Reserve, Park, Revive, BeginRun, Settle, Stop, AllowRun, AwaitRestart, GiveUpRestart, FailStart, BeginUpdate,
	EndUpdate, CompleteGroup, EndRun, TakeBack,
}

// A stateJSON is the state.json of one container: it reads the state and changes it, under the
// lock of the file.
type stateJSON struct{ records }

// durable are the changes that a loss of power must not take back: what a user was told
// would be done is lost otherwise, or done twice.
var durable = map[Change]bool{Park: true, Revive: true, BeginUpdate: true}

// State reads the container's state. A container without one is of an earlier layout, or
// was reserved by a process that was killed.
func (f stateJSON) State() (*State, error) {
	info, err := os.Lstat(f.stateFile())
	if errors.Is(err, fs.ErrNotExist) {
		return f.earlierState()
	}
	if err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s is not a regular file", ErrDamaged, f.stateFile())
	}
	data, err := atomicfile.Read(f.stateFile())
	if errors.Is(err, fs.ErrNotExist) { // it was removed a moment ago
		return f.earlierState()
	}
	if err != nil {
		return nil, err
	}
	return f.parseState(data)
}

// ErrDamaged is wrapped by the error of a state.json that holds no state. One that cannot be
// read for another reason, such as a lack of descriptors, may be as good as ever.
var ErrDamaged = errors.New("damaged")

// errNewer is wrapped by the error of a state of a newer build.
var errNewer = fmt.Errorf("%w: state of a newer build", mctr.ErrInvalid)

// parseState reads what is in state.json: it is empty from when its lock is taken until it
// is first written.
func (f stateJSON) parseState(data []byte) (*State, error) {
	if len(data) == 0 {
		return f.earlierState()
	}
	s := &State{}
	if err := fields.Unmarshal(data, s); err != nil {
		return nil, fmt.Errorf("%w: decode %s: %w", ErrDamaged, f.stateFile(), err)
	}
	if s.Schema > stateSchema {
		return nil, fmt.Errorf("%w: container %s: schema %d, this build knows %d", errNewer, f.ID, s.Schema,
			stateSchema)
	}
	return s, nil
}

// Change reads the state, has edit change it, and writes it, with no other process in
// between: the file is locked meanwhile. The container's lock need not be held: what a
// user asks for does not wait for a launch. The error wraps fs.ErrNotExist where the
// container was removed.
func (f stateJSON) Change(ctx context.Context, change Change, edit func(*State)) error {
	lock, err := f.lockState(ctx)
	if err != nil {
		return err
	}
	defer lock.Unlock() // closing a lock file cannot fail usefully
	data, err := readRegular(lock.File())
	if err != nil {
		return err
	}
	s, err := f.parseState(data)
	if err != nil {
		return fmt.Errorf("change the state of container %s: %w", f.ID.Short(), err)
	}
	earlier := false
	if s.Schema == 0 { // of the first layout, or none yet
		if earlier, err = f.raiseSchema(); err != nil {
			return err
		}
	}
	sync := durable[change] || earlier || s.matters()
	edit(s)
	s.Schema = stateSchema
	if err := f.writeState(lock.File(), len(data), s, sync); err != nil {
		return err
	}
	if earlier {
		if err := f.removeEarlier(s); err != nil {
			return err
		}
	}
	return failpoint.Hit("state/" + string(change))
}

// matters reports whether the state holds what a loss of power must not take: since the file
// is replaced, a change that is not synced would put at risk what was.
func (s *State) matters() bool {
	return s.Desired != ToRun || s.Pending != Nothing || s.LastExit != nil || s.Update != nil || s.Restarts > 0
}

// readRegular reads a locked file: a pipe in its place is not waited for.
func readRegular(f *os.File) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s is not a regular file", ErrDamaged, f.Name())
	}
	return io.ReadAll(f)
}

// writeState replaces the file, of so many bytes, that is open and locked. On a full disk, where
// no second file has room, it is overwritten: a container that filled the disk has to be stopped
// and released all the same.
func (f stateJSON) writeState(locked *os.File, size int, s *State, sync bool) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	write := atomicfile.Write
	if sync {
		write = atomicfile.WriteDurable
	}
	err = write(f.stateFile(), data, 0o600)
	if !errors.Is(err, unix.ENOSPC) && !errors.Is(err, unix.EDQUOT) {
		return err
	}
	padded := append(data, bytes.Repeat([]byte(" "), max(0, size-len(data)))...) // JSON still, by one write
	_, full := locked.WriteAt(padded, 0)
	if full != nil {
		return err
	}
	return locked.Sync()
}

// beginState writes the first state, of a container that has no record yet: so that no
// other process changes it.
func (f stateJSON) beginState() error {
	if err := atomicfile.WriteJSON(f.stateFile(), State{Schema: stateSchema}); err != nil {
		return err
	}
	return failpoint.Hit("state/" + string(Reserve))
}

// lockState makes the file only where a record lacks it: of a container that is being
// removed it would be left.
func (f stateJSON) lockState(ctx context.Context) (*flock.Lock, error) {
	lock, err := flock.Existing(ctx, f.stateFile())
	if errors.Is(err, unix.EISDIR) {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return lock, err
	}
	if _, missing := os.Lstat(f.ConfigFile()); missing != nil {
		return nil, err
	}
	return flock.Exclusive(ctx, f.stateFile())
}

// is reads one thing of the state; false where the state cannot be read.
func (f stateJSON) is(what func(*State) bool) bool {
	s, err := f.State()
	return err == nil && what(s)
}

// Stopped returns true if the container is not to run, whatever its restart policy says.
func (f stateJSON) Stopped() bool {
	return f.is(func(s *State) bool { return s.Desired == ToStop })
}

// AwaitsFirstStart returns true if the container goes back to waiting for its first start
// where its launch fails.
func (f stateJSON) AwaitsFirstStart() bool {
	return f.is(func(s *State) bool { return s.Pending == FirstStart })
}

// Revived returns true if the container goes back to its last end where its launch fails.
func (f stateJSON) Revived() bool {
	return f.is(func(s *State) bool { return s.LastExit != nil })
}

// Complete returns true if each task of the group with this root was launched.
func (f stateJSON) Complete() bool {
	return f.is(func(s *State) bool { return s.Complete })
}
