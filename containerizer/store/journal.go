package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/failpoint"
)

// The checkpoints of a launch and of a release, in order: mctr.Steps explains what each of them
// times. Between image and prepared comes one "prepare/<isolator>" for each isolator, and after
// ended one "cleaned/<isolator>", or "failed/<isolator>" if that failed. Between created and
// isolated comes an "isolate/<isolator>" for each that took long. created and exited are also
// failpoints of the shim; exited is in no journal.
const (
	Intent   = "intent"
	Image    = "image"
	Prepared = "prepared"
	Bundle   = "bundle"
	Shim     = "shim"
	Created  = "created"
	Isolated = "isolated"
	Running  = "running"
	exited   = "exited"
	Destroy  = "destroy"
	Ended    = "ended"
	Released = "released"
	Kept     = "kept"
)

// Checkpoints returns the names of all checkpoints of a launch and a release with this table of
// isolators, in order. A test can stop a process at each of them: see package failpoint.
func Checkpoints[Isolator interface{ Name() string }](table []Isolator) []string {
	points := []string{Intent, Image}
	for _, isolator := range table {
		points = append(points, "prepare/"+isolator.Name())
	}
	points = append(points, Prepared, Bundle, Shim, Created, Isolated, Running, exited, Destroy, Ended)
	for _, isolator := range slices.Backward(table) {
		points = append(points, "cleaned/"+isolator.Name())
	}
	return append(points, Released, Kept)
}

// A Journal is a container's list of checkpoints: one line each, appended by one write. A line
// that a crash or a full disk cut off does not count: it lacks its end, and the next line begins
// on a line of its own.
type Journal struct{ path string }

// Journal returns the journal of the present run.
func (p records) Journal() Journal { return Journal{p.journal()} }

// LastJournal returns the journal of the last run, as KeepJournal kept it.
func (p records) LastJournal() Journal { return Journal{p.lastJournal()} }

// KeepJournal keeps the journal of a run that is over, to explain the run. No decision depends
// on it.
func (p records) KeepJournal() {
	if data, err := os.ReadFile(p.journal()); err == nil {
		_ = os.WriteFile(p.lastJournal(), data, 0o600)
	}
}

// Path returns the path of the journal's file.
func (j Journal) Path() string { return j.path }

// Reach records that the launch, or the release, has reached checkpoint: what follows may have
// begun. The checkpoints in passed are recorded with it.
func (j Journal) Reach(checkpoint string, passed ...mctr.Timing) error {
	var lines strings.Builder
	for _, t := range append(passed, mctr.Timing{Checkpoint: checkpoint, At: time.Now()}) {
		fmt.Fprintf(&lines, "\n%d %s;\n", t.At.UnixNano(), t.Checkpoint)
	}
	if err := j.append(lines.String()); err != nil {
		return fmt.Errorf("checkpoint %s: %w", checkpoint, err)
	}
	return failpoint.Hit(checkpoint)
}

// append makes three system calls: a launch has some thirty checkpoints, and os.File would
// register each descriptor with the poller.
func (j Journal) append(lines string) error {
	fd, err := unix.Open(j.path, unix.O_WRONLY|unix.O_APPEND|unix.O_CREAT|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return &os.PathError{Op: "open", Path: j.path, Err: err}
	}
	n, err := unix.Write(fd, []byte(lines))
	if err == nil && n < len(lines) {
		err = io.ErrShortWrite
	}
	if err := errors.Join(err, unix.Close(fd)); err != nil {
		return &os.PathError{Op: "write", Path: j.path, Err: err}
	}
	return nil
}

// Read returns the checkpoints reached so far; none if there is no journal.
func (j Journal) Read() ([]mctr.Timing, error) {
	data, err := os.ReadFile(j.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var reached []mctr.Timing
	for line := range strings.Lines(string(data)) {
		entry, whole := strings.CutSuffix(line, ";\n")
		nanos, checkpoint, _ := strings.Cut(entry, " ")
		at, err := strconv.ParseInt(nanos, 10, 64)
		if !whole || err != nil {
			continue
		}
		reached = append(reached, mctr.Timing{Checkpoint: checkpoint, At: time.Unix(0, at).UTC()})
	}
	return reached, nil
}

// StartOf returns when the container's command was started; zero if it was not.
func StartOf(reached []mctr.Timing) (at time.Time) {
	for _, t := range reached {
		if t.Checkpoint == Running {
			at = t.At
		}
	}
	return at
}

// PhaseOf returns the phase that begins with a checkpoint.
func PhaseOf(checkpoint string) mctr.Phase {
	switch checkpoint {
	case Intent:
		return mctr.Provisioning
	case Prepared, Bundle, Shim, Created, Isolated:
		return mctr.Isolating
	case Running:
		return mctr.Running
	case Destroy, Ended, Released, Kept:
		return mctr.Destroying
	}
	switch kind, _, _ := strings.Cut(checkpoint, "/"); kind {
	case "isolate":
		return mctr.Isolating
	case "cleaned", "failed":
		return mctr.Destroying
	}
	return mctr.Preparing
}
