package containerizer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/failpoint"
	"github.com/mctr/mctr/isolators"
)

// The checkpoints of a launch and of a release, in order: mctr.Steps says what each of them
// times. Between image and prepared stands one "prepare/<isolator>" for each isolator, and
// behind ended one "cleaned/<isolator>", or "failed/<isolator>" where that did not work.
// Between created and isolated stands an "isolate/<isolator>" for what took long. The shim
// stops for tests at created, and at exited, which no journal has.
const (
	atIntent   = "intent"
	atImage    = "image"
	atPrepared = "prepared"
	atBundle   = "bundle"
	atShim     = "shim"
	atCreated  = "created"
	atIsolated = "isolated"
	atRunning  = "running"
	atExited   = "exited"
	atDestroy  = "destroy"
	atEnded    = "ended"
	atReleased = "released"
	atKept     = "kept"
)

// Failpoints names every checkpoint at which a test can stop a launch and a
// release that use table: see package failpoint.
func Failpoints(table []isolators.Isolator) []string {
	points := []string{atIntent, atImage}
	for _, i := range table {
		points = append(points, "prepare/"+i.Name())
	}
	points = append(points, atPrepared, atBundle, atShim, atCreated, atIsolated, atRunning, atExited, atDestroy,
		atEnded)
	for _, i := range slices.Backward(table) {
		points = append(points, "cleaned/"+i.Name())
	}
	return append(points, atReleased, atKept)
}

// A journal is a container's list of checkpoints: one line each, appended by one
// write. A line torn by a crash or a full disk was not reached: it lacks its end,
// and the next line does not run on from it.
type journal struct{ path string }

// reach records that the launch, or the release, has come to checkpoint: what
// follows may have begun. The passed ones are recorded with it.
func (j journal) reach(checkpoint string, passed ...mctr.Timing) error {
	var lines strings.Builder
	for _, t := range append(passed, mctr.Timing{Checkpoint: checkpoint, At: time.Now()}) {
		fmt.Fprintf(&lines, "\n%d %s;\n", t.At.UnixNano(), t.Checkpoint)
	}
	f, err := os.OpenFile(j.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("checkpoint %s: %w", checkpoint, err)
	}
	_, err = f.WriteString(lines.String())
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("checkpoint %s: %w", checkpoint, err)
	}
	return failpoint.Hit(checkpoint)
}

// read gives the checkpoints reached so far; none for no journal.
func (j journal) read() ([]mctr.Timing, error) {
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

// phaseOf is the phase that follows a checkpoint.
func phaseOf(checkpoint string) mctr.Phase {
	switch checkpoint {
	case atIntent:
		return mctr.Provisioning
	case atPrepared, atBundle, atShim, atCreated, atIsolated:
		return mctr.Isolating
	case atRunning:
		return mctr.Running
	case atDestroy, atEnded, atReleased, atKept:
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
