package volume

import (
	"context"
	"errors"
	"fmt"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/benchmarks/volume/work"
)

// A check is one property of a volume.
type check struct {
	Name, Title string
	do          func(*trial, context.Context) error
}

var checks = []check{
	{"written", "data written and synced are read back", (*trial).written},
	{"restart", "... after the container is started again", (*trial).restart},
	{"remount", "... in a new container", (*trial).remount},
	{"kill", "... after the container is killed while it writes", (*trial).containerKilled},
	{"agent", "... after the agent is killed while its container writes, and another takes over",
		(*trial).agentKilled},
	{"host", "... after all processes of the node are killed and it starts with a new STATE", (*trial).hostCrashed},
	{"node", "... on another node, after the first has failed", (*trial).nodeFailed},
	{"writers", "two containers that write under flock lose no update", (*trial).writers},
	{"quota", "a full volume reports ENOSPC or EDQUOT at its size, and keeps its data", (*trial).quota},
	{"expand", "a volume that was expanded holds more, and keeps its data", (*trial).expand},
	{"snapshot", "a snapshot keeps the data as they were", func(*trial, context.Context) error {
		return absent("mctr has no snapshots of volumes yet")
	}},
}

// The outcomes of a check.
const (
	Pass   = "pass"
	Fail   = "fail"
	Absent = "-" // the volume does not have what the check is about
)

// A Result is the outcome of a check.
type Result struct {
	Check   string `json:"check"`
	Outcome string `json:"outcome"`
	Detail  string `json:"detail,omitempty"` // why it is not "pass"
}

// absent is the reason why a check does not apply.
type absent string

func (a absent) Error() string { return string(a) }

// A trial puts one volume through the checks.
type trial struct {
	node
	volume mctr.NamedVolume
	size   int64  // bytes of data
	times  int    // that each of two writers adds one
	seed   uint64 // of the last data
}

// run does one check, and removes the files that it leaves.
func (t *trial) run(ctx context.Context, c check) Result {
	err := c.do(t, ctx)
	if why, ok := errors.AsType[absent](err); ok {
		return Result{c.Name, Absent, string(why)}
	}
	_, left := t.one(ctx, work.Work{Verb: work.Clear})
	if err := errors.Join(err, left); err != nil {
		return Result{c.Name, Fail, err.Error()}
	}
	return Result{Check: c.Name, Outcome: Pass}
}

// work returns a verb on data that no work had before.
func (t *trial) work(verb string) work.Work {
	t.seed += 2 // the odd seeds are those of fillers
	return work.Work{Verb: verb, Seed: t.seed, Size: t.size}
}

// one does w in a container, and removes the container.
func (t *trial) one(ctx context.Context, w work.Work) (*work.Answer, error) {
	return oneOf(ctx, t.node, named(t.volume), w)
}

func oneOf(ctx context.Context, n node, v mctr.Volume, w work.Work) (*work.Answer, error) {
	c, err := n.start(ctx, v, w)
	if err != nil {
		return nil, err
	}
	a, err := c.answer(ctx)
	return a, errors.Join(err, c.remove(context.WithoutCancel(ctx)))
}

// fresh returns an error unless a work wrote data that were not there before.
func fresh(w work.Work, a *work.Answer, err error) error {
	switch {
	case err != nil:
		return err
	case a.Found:
		return fmt.Errorf("%w: the volume had data before they were written", mctr.ErrState)
	}
	return sound(w, a)
}

// kept returns an error unless a work found the data.
func kept(w work.Work, a *work.Answer, err error) error {
	switch {
	case err != nil:
		return err
	case !a.Found:
		return fmt.Errorf("%w: the data are gone", mctr.ErrState)
	}
	return sound(w, a)
}

// sound returns an error unless the data are what was written.
func sound(w work.Work, a *work.Answer) error {
	if want := w.Sum(); a.SHA256 != want {
		return fmt.Errorf("%w: the data have changed: SHA-256 %s, want %s", mctr.ErrState, a.SHA256, want)
	}
	return nil
}

// look checks w's data in a new container of n.
func (t *trial) look(ctx context.Context, n node, w work.Work) error {
	w.Verb = work.Look
	a, err := oneOf(ctx, n, named(t.volume), w)
	return kept(w, a, err)
}
