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

// stateSchema is the version of State. Newer ones are refused; fields that an older build may drop
// are added without a new version. Version 1 had terminations and limits with names in
// camelCase.
const stateSchema = 2

// A State is the container's state.json in ROOT: what outlasts a run and is not in the config.
// Only [Container.Change] changes it.
type State struct {
	Schema int `json:"schema"`

	// Desired is what the user last asked for.
	Desired Desired `json:"desired,omitempty"`
	// Pending is the start that a container which does not run awaits.
	Pending Pending `json:"pending,omitempty"`
	// Restarts counts the starts after the first exit, Streak the restart policy's starts in a row.
	Restarts int `json:"restarts,omitempty"`
	Streak   int `json:"streak,omitempty"`
	// StartError is the error with which the restart policy failed to start the container.
	StartError string `json:"start_error,omitempty"`
	// Complete is set on the root of a group once every task was launched.
	Complete bool `json:"complete,omitempty"`

	// Run is set from the moment at which the command may run until the container is released.
	Run *Run `json:"run,omitempty"`
	// Update is set while the limits of the running container are being changed to these.
	Update *mctr.Resources `json:"update,omitempty"`
	// LastExit is the termination of the last run, from Revive until the container runs again. An
	// attempt that is undone restores it.
	LastExit *mctr.Termination `json:"last_exit,omitempty"`
}

// Desired is what the user last asked for.
type Desired string

// The desires. A restart policy is followed only with ToRun.
const (
	ToRun  Desired = ""        // the container runs, or its policy may start it
	ToStop Desired = "stopped" // the container does not run, whatever its policy says
)

// Pending is the start that a container which does not run awaits.
type Pending string

// The pending starts. They stay recorded until the container runs.
const (
	Nothing    Pending = ""
	FirstStart Pending = "start"   // created, and never started
	Restart    Pending = "restart" // a process is about to start it by its policy
)

// A Change is one kind of change of a State. A test can stop a process after each: the failpoint
// is called "state/" followed by the change.
type Change string

// The changes, each with the state in which it is made and what it records.
const (
	Reserve       Change = "reserve"         // new: the container is recorded
	Park          Change = "park"            // new: it awaits its first start
	Revive        Change = "revive"          // exited: its next run begins
	BeginRun      Change = "begin-run"       // isolated: the command is about to run
	Settle        Change = "settle"          // running: nothing is pending any more
	Stop          Change = "stop"            // any: it is not to run
	AllowRun      Change = "allow-run"       // any: it may run again
	AwaitRestart  Change = "await-restart"   // exited: a process is about to start it
	GiveUpRestart Change = "give-up-restart" // awaiting a restart: it is cancelled, or the process exits
	FailStart     Change = "fail-start"      // awaiting a restart: a start failed
	BeginUpdate   Change = "begin-update"    // running: its limits are about to change
	EndUpdate     Change = "end-update"      // running: its limits have changed, or are as before
	CompleteGroup Change = "complete-group"  // running: each task of the group was launched
	EndRun        Change = "end-run"         // exited: it is released
	TakeBack      Change = "take-back"       // launching a revived container: the attempt is undone
)

// Changes lists all changes.
var Changes = []Change{
	Reserve, Park, Revive, BeginRun, Settle, Stop, AllowRun, AwaitRestart, GiveUpRestart, FailStart, BeginUpdate,
	EndUpdate, CompleteGroup, EndRun, TakeBack,
}

// A stateJSON is the state.json of one container: it reads the state, and changes it under the lock
// of the file.
type stateJSON struct{ records }

// durable are the changes that must survive a loss of power: what a user was told would be done
// would otherwise be lost, or done twice.
var durable = map[Change]bool{Park: true, Revive: true, BeginUpdate: true}

// State returns the container's state. A container without a state.json is of an earlier layout,
// or was reserved by a process that was killed.
func (f stateJSON) State() (*State, error) {
	info, err := os.Lstat(f.stateFile())
	if errors.Is(err, fs.ErrNotExist) {
		return f.earlierState()
	}
	if err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s is not a regular file", ErrDamaged, f.stateFile())
	}
	data, err := atomicfile.Read(f.stateFile())
	if errors.Is(err, fs.ErrNotExist) { // removed since the Lstat
		return f.earlierState()
	}
	if err != nil {
		return nil, err
	}
	return f.parseState(data)
}

// ErrDamaged is wrapped by the error for a state.json that does not hold a state. A state.json that
// could not be read for another reason, such as a lack of descriptors, may be intact.
var ErrDamaged = errors.New("damaged")

// errNewer is wrapped by the error for the state of a newer build.
var errNewer = fmt.Errorf("%w: state of a newer build", mctr.ErrInvalid)

// parseState decodes state.json, which is empty from the moment its lock is taken until it is
// first written.
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

// Change reads the state, calls edit, and writes the state, while it holds the lock of the file, so
// that no change of another process is lost. The caller need not hold the container's lock: what a
// user asks for does not wait for a launch. The error wraps fs.ErrNotExist if the container was
// removed.
func (f stateJSON) Change(ctx context.Context, change Change, edit func(*State)) error {
	lock, err := f.lockState(ctx)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	data, err := readRegular(lock.File())
	if err != nil {
		return err
	}
	s, err := f.parseState(data)
	if err != nil {
		return fmt.Errorf("change the state of container %s: %w", f.ID.Short(), err)
	}
	earlier := false
	if s.Schema == 0 { // the first layout, or no state yet
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

// matters returns true if the state has what a loss of power must not undo. The file is replaced, so
// a change that is not synced would put its present content at risk.
func (s *State) matters() bool {
	return s.Desired != ToRun || s.Pending != Nothing || s.LastExit != nil || s.Update != nil || s.Restarts > 0
}

// readRegular reads a locked file. It refuses a pipe in its place, for which it would wait.
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

// writeState replaces the file, of size bytes, that is open and locked. On a full disk, which has no
// room for a second file, it overwrites the file: a container that filled the disk must be stopped
// and released nevertheless.
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
	padded := append(data, bytes.Repeat([]byte(" "), max(0, size-len(data)))...) // valid JSON, in one write
	_, full := locked.WriteAt(padded, 0)
	if full != nil {
		return err
	}
	return locked.Sync()
}

// beginState writes the first state of a container that has no record yet, so that no other
// process changes it.
func (f stateJSON) beginState() error {
	if err := atomicfile.WriteJSON(f.stateFile(), State{Schema: stateSchema}); err != nil {
		return err
	}
	return failpoint.Hit("state/" + string(Reserve))
}

// lockState opens and locks the file. It makes a missing file only if there is a record: it must not
// leave a new file of a container that is being removed.
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

// is returns what a predicate says of the state, and false if the state cannot be read.
func (f stateJSON) is(what func(*State) bool) bool {
	s, err := f.State()
	return err == nil && what(s)
}

// Stopped returns true if the container is not to run, whatever its restart policy says.
func (f stateJSON) Stopped() bool {
	return f.is(func(s *State) bool { return s.Desired == ToStop })
}

// AwaitsFirstStart returns true if the container awaits its first start, also while that start
// is under way.
func (f stateJSON) AwaitsFirstStart() bool {
	return f.is(func(s *State) bool { return s.Pending == FirstStart })
}

// Revived returns true if the container exited before and its next run has not begun.
func (f stateJSON) Revived() bool {
	return f.is(func(s *State) bool { return s.LastExit != nil })
}

// Complete returns true if each task of the group with this root was launched.
func (f stateJSON) Complete() bool {
	return f.is(func(s *State) bool { return s.Complete })
}
