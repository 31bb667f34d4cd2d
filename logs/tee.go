package logs

import (
	"io"
	"slices"
	"sync"
)

// teeSize is the most bytes that may wait for a tee's writer.
const teeSize = 128 << 10

// A Tee passes a stream on to one client while it is logged. The caller that adds it must ensure
// that a Write to a client that disappeared fails eventually, because the Tee cannot interrupt a
// Write.
type Tee struct {
	w    io.WriteCloser
	opts TeeOptions

	mu      sync.Mutex
	waiting []byte // bytes for the writer
	lost    int64  // bytes dropped after waiting; before its end, only a lossy tee drops bytes
	ended   bool   // no more bytes will be added
	work    chan struct{}
	space   chan struct{}
	done    chan struct{}
}

// TeeOptions control what happens to bytes that the client is too slow for.
type TeeOptions struct {
	// Lossy drops bytes beyond the 128 KiB that may wait. Otherwise the tee blocks the task
	// (back-pressure) until its client has read every byte.
	Lossy bool
	// Gap, if set, is called between two Writes, at the position in the stream where n bytes are
	// missing. Like an error of Write, its error ends the tee.
	Gap func(n int64) error
}

func newTee(w io.WriteCloser, opts TeeOptions) *Tee {
	t := &Tee{w: w, opts: opts, work: make(chan struct{}, 1), space: make(chan struct{}, 1), done: make(chan struct{})}
	go t.run()
	return t
}

// Done returns a channel that is closed when the tee has written its last byte and closed its
// writer: after the end of the stream, a failed Write, or RemoveTee.
func (t *Tee) Done() <-chan struct{} { return t.done }

// put accepts p. It waits for space unless the tee is lossy or stop is closed.
func (t *Tee) put(p []byte, stop <-chan struct{}) {
	for {
		p = p[t.accept(p):]
		if len(p) == 0 {
			return
		}
		select {
		case <-t.space:
		case <-t.done:
			return
		case <-stop:
			t.lose(len(p))
			return
		}
	}
}

// accept returns how many bytes of p it has accepted or dropped.
func (t *Tee) accept(p []byte) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return len(p)
	}
	n := min(len(p), teeSize-len(t.waiting))
	if t.lost > 0 {
		n = 0 // bytes after a gap wait until the gap is reported
	}
	t.waiting = append(t.waiting, p[:n]...)
	if t.opts.Lossy {
		t.lost += int64(len(p) - n)
		n = len(p)
	}
	signal(t.work)
	return n
}

func (t *Tee) lose(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lost += int64(n)
	signal(t.work)
}

// end ends the tee: no more bytes will come. Waiting bytes are still written, unless discard is
// set.
func (t *Tee) end(discard bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
	if discard {
		t.waiting, t.lost = nil, 0
	}
	signal(t.work)
}

// run writes until the tee ends.
func (t *Tee) run() {
	defer close(t.done)
	defer t.w.Close()
	for {
		p, lost, ended := t.take()
		if len(p) > 0 {
			if _, err := t.w.Write(p); err != nil {
				t.end(true)
				return
			}
		}
		if lost > 0 && t.opts.Gap != nil {
			if err := t.opts.Gap(lost); err != nil {
				t.end(true)
				return
			}
		}
		if ended {
			return
		}
	}
}

// take waits for bytes to write. After the end it returns the remaining ones.
func (t *Tee) take() (p []byte, lost int64, ended bool) {
	for {
		t.mu.Lock()
		p, lost, ended = t.waiting, t.lost, t.ended
		t.waiting, t.lost = nil, 0
		t.mu.Unlock()
		if len(p) > 0 || lost > 0 || ended {
			signal(t.space)
			return p, lost, ended
		}
		<-t.work
	}
}

// signal wakes the goroutine that waits for c, now or at its next wait.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// tees holds the tees of one stream.
type tees struct {
	mu    sync.Mutex
	list  []*Tee // replaced, never changed in place
	ended bool
}

// add returns false if the stream has ended and cannot have another tee.
func (ts *tees) add(t *Tee) bool {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if !ts.ended {
		ts.list = append(slices.Clip(ts.list), t)
	}
	return !ts.ended
}

func (ts *tees) remove(t *Tee) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.list = slices.DeleteFunc(slices.Clone(ts.list), func(o *Tee) bool { return o == t })
}

// put passes p to every tee and removes tees that have failed.
func (ts *tees) put(p []byte, stop <-chan struct{}) {
	ts.mu.Lock()
	list := ts.list
	ts.mu.Unlock()
	for _, t := range list {
		t.put(p, stop)
		select {
		case <-t.done:
			ts.remove(t)
		default:
		}
	}
}

// end ends every tee; no tee can be added afterwards.
func (ts *tees) end() {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for _, t := range ts.list {
		t.end(false)
	}
	ts.list, ts.ended = nil, true
}
