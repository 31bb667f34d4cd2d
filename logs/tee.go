package logs

import (
	"io"
	"slices"
	"sync"
)

// teeSize is how many bytes wait for a tee's writer.
const teeSize = 128 << 10

// A Tee passes a stream on to one client while it is logged. Whoever adds one
// sees to it that a Write to a client that is gone fails in the end: nobody else
// can end a Write that hangs.
type Tee struct {
	w    io.WriteCloser
	opts TeeOptions

	mu      sync.Mutex
	waiting []byte // for the writer
	lost    int64  // bytes refused behind waiting; only a lossy tee has them before its end
	ended   bool   // nothing more will come
	work    chan struct{}
	space   chan struct{}
	done    chan struct{}
}

// TeeOptions say what becomes of bytes that the client is too slow for.
type TeeOptions struct {
	// Lossy drops what does not fit in the 128 KiB that may wait. Without it the
	// tee holds the task up instead (back-pressure), so that its client gets every byte.
	Lossy bool
	// Gap, if set, is told where in the stream n bytes are missing, between two
	// Writes. Its error ends the tee, like that of a Write.
	Gap func(n int64) error
}

func newTee(w io.WriteCloser, opts TeeOptions) *Tee {
	t := &Tee{w: w, opts: opts, work: make(chan struct{}, 1), space: make(chan struct{}, 1), done: make(chan struct{})}
	go t.run()
	return t
}

// Done is closed when the tee has written its last byte and closed its writer:
// after the stream's end, after a Write that failed, or after Remove.
func (t *Tee) Done() <-chan struct{} { return t.done }

// put takes p over; it waits for room unless the tee is lossy or stop is closed.
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

// accept says how much of p it has dealt with.
func (t *Tee) accept(p []byte) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return len(p)
	}
	n := min(len(p), teeSize-len(t.waiting))
	if t.lost > 0 {
		n = 0 // what comes behind a gap waits until the gap is told
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

// end says that nothing more will come; what waits is still written, unless
// discard is set.
func (t *Tee) end(discard bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
	if discard {
		t.waiting, t.lost = nil, 0
	}
	signal(t.work)
}

// run is the tee's writer.
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

// take waits for something to do. After the end it returns what is left.
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

// signal wakes who waits for c, now or when he next looks.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// tees are the tees of one stream.
type tees struct {
	mu    sync.Mutex
	list  []*Tee // replaced, never changed in place
	ended bool
}

// add reports whether the stream can still have a tee.
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

// put gives p to every tee and forgets those that have failed.
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

// end ends every tee; none can be added any more.
func (ts *tees) end() {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for _, t := range ts.list {
		t.end(false)
	}
	ts.list, ts.ended = nil, true
}
