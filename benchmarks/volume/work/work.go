// Package work is what the volume bench does in a container that has the volume: it writes and reads
// files whose content follows from a number, counts together with others, fills the volume and measures
// it. The command "mctr-bench volume work" runs it.
//
// On disk: files in the directory of the volume, until Clear. In the kernel: nothing.
package work

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/mctr/mctr"
)

// The verbs of a Work.
const (
	Keep  = "keep"  // write the data unless they are there, and read them
	Look  = "look"  // read the data
	Hold  = "hold"  // Keep, answer, and go on writing another file until the process is killed
	Count = "count" // add one to a counter under a lock, many times
	Tally = "tally" // read the counter
	Fill  = "fill"  // Keep, and write another file until the volume is full
	Load  = "load"  // measure throughput and latency
	Clear = "clear" // remove all files
)

// A Work is what one process does with a directory. It is plain data, so that it fits in an argument.
type Work struct {
	Verb  string        `json:"verb"`
	Dir   string        `json:"dir"`
	Seed  uint64        `json:"seed,omitempty"`  // of the data
	Size  int64         `json:"size,omitempty"`  // bytes of the data
	Most  int64         `json:"most,omitempty"`  // bytes that Fill writes if nothing stops it
	Times int           `json:"times,omitempty"` // that Count adds one
	Time  time.Duration `json:"time,omitempty"`  // bound of each part of Load, in nanoseconds
}

// An Answer is what the process prints, as a line of JSON.
type Answer struct {
	Error   string   `json:"error,omitempty"`   // the work failed
	Found   bool     `json:"found,omitempty"`   // the data were there before
	SHA256  string   `json:"sha256,omitempty"`  // of the data, read back from the storage
	Bytes   int64    `json:"bytes,omitempty"`   // that Fill wrote
	Full    string   `json:"full,omitempty"`    // the error that stopped Fill: ENOSPC, EDQUOT, ...
	Count   int64    `json:"count,omitempty"`   // the counter
	Lines   int64    `json:"lines,omitempty"`   // of the file to which all counting processes append
	Figures *Figures `json:"figures,omitempty"` // of Load
}

var verbs = map[string]func(Work, context.Context) (*Answer, error){
	Keep: Work.keep, Look: Work.look, Hold: Work.keep, Count: Work.count, Tally: Work.tally, Fill: Work.fill,
	Load: Work.load, Clear: Work.clear,
}

// Do does the work and prints the answer, also if the work fails. Hold ends with ctx, after the answer.
func (w Work) Do(ctx context.Context, out io.Writer) error {
	do := verbs[w.Verb]
	if do == nil {
		return fmt.Errorf("%w: verb %q", mctr.ErrInvalid, w.Verb)
	}
	a, err := do(w, ctx)
	if err != nil {
		a = &Answer{Error: fmt.Sprintf("%s: %v", w.Verb, err)}
	}
	if err := json.NewEncoder(out).Encode(a); err != nil {
		return err
	}
	if w.Verb == Hold && a.Error == "" {
		return w.goOn(ctx)
	}
	return nil
}
