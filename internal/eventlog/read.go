package eventlog

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"iter"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
)

// pause is the interval at which a follower looks for new events.
const pause = 50 * time.Millisecond

// Read returns the events in the files, oldest first, and with o.Follow also new ones, until ctx
// ends. A missing file has no events. In place of events that are no longer kept, or that a slow
// reader missed, it returns an mctr.EventGap.
func Read(ctx context.Context, path string, o mctr.EventOptions) iter.Seq2[mctr.Event, error] {
	return func(yield func(mctr.Event, error) bool) {
		r := &reader{path: path, follow: o.Follow, seen: o.After}
		defer r.close()
		if err := r.open(older(path)); err != nil && !missing(err) {
			yield(mctr.Event{}, err)
			return
		}
		for ctx.Err() == nil {
			more, err := r.step(ctx, yield)
			if err != nil {
				yield(mctr.Event{}, err)
				return
			}
			if !more {
				return
			}
		}
	}
}

// A reader reads one file after another.
type reader struct {
	path   string
	follow bool
	seen   uint64 // the cursor of the last event read
	f      *os.File
	lines  *bufio.Reader
	part   []byte // the start of a line that is not complete yet
}

func (r *reader) open(path string) error {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	r.close()
	r.f, r.lines, r.part = f, bufio.NewReader(f), nil
	return nil
}

func (r *reader) close() {
	if r.f != nil {
		_ = r.f.Close()
	}
}

// step reads the events in the file, and then goes on to the next file or waits. It returns more if
// there is another step to take.
func (r *reader) step(ctx context.Context, yield func(mctr.Event, error) bool) (more bool, err error) {
	newest := r.f != nil && same(r.f, r.path) // before reading: the file may grow and be rotated afterwards
	if r.f != nil {
		if goOn, err := r.drain(yield); err != nil || !goOn {
			return false, err
		}
	}
	if !newest {
		if err := r.next(); err == nil || !missing(err) {
			return err == nil, err
		}
	}
	if !r.follow {
		return false, nil
	}
	select {
	case <-ctx.Done():
	case <-time.After(pause):
	}
	return true, nil
}

// next opens the file after the one just read: the predecessor of the newest file if that one was
// rotated twice, or else the newest file.
func (r *reader) next() error {
	if r.f != nil && !same(r.f, older(r.path)) {
		if err := r.open(older(r.path)); err == nil || !missing(err) {
			return err
		}
	}
	return r.open(r.path)
}

// drain yields every complete line up to the end of the file. It returns false if the caller wants
// no more.
func (r *reader) drain(yield func(mctr.Event, error) bool) (goOn bool, err error) {
	for {
		line, err := r.lines.ReadBytes('\n')
		if r.part = append(r.part, line...); err == io.EOF {
			return true, nil
		} else if err != nil {
			return false, err
		}
		e, ok := parse(r.part)
		r.part = nil
		if ok && !r.give(e, yield) {
			return false, nil
		}
	}
}

// give yields an event unless it was read before, and first a gap if events are missing before it.
// It returns false if the caller wants no more.
func (r *reader) give(e mctr.Event, yield func(mctr.Event, error) bool) (goOn bool) {
	if e.Cursor == 0 { // written by a version without cursors
		return yield(e, nil)
	}
	if e.Cursor <= r.seen {
		return true
	}
	if r.seen > 0 && e.Cursor > r.seen+1 {
		gap := mctr.Event{Time: e.Time, Action: mctr.EventGap}
		if !e.First {
			gap.Attributes = map[string]string{"missed": strconv.FormatUint(e.Cursor-r.seen-1, 10)}
		}
		if !yield(gap, nil) {
			return false
		}
	}
	r.seen = e.Cursor
	return yield(e, nil)
}

// parse parses a line. It returns false for a truncated line.
func parse(line []byte) (e mctr.Event, ok bool) {
	if line = bytes.TrimSpace(line); len(line) == 0 {
		return e, false
	}
	err := json.Unmarshal(line, &e)
	return e, err == nil && e.Action != ""
}
