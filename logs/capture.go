package logs

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
)

const (
	pipeSize = 1 << 20 // also the most that one read takes
	// nap follows a read that gave little, so that a task that writes line by
	// line causes a wake-up a millisecond and not one a line; the pipe holds
	// what comes meanwhile.
	nap = time.Millisecond
	// idleAfter: a stream silent for so long, at most twice, gives its memory
	// back and has the line that it left unfinished written.
	idleAfter = 250 * time.Millisecond
)

// A Capture reads one stream of a container into its log until the stream ends.
type Capture struct {
	log   *Log
	st    *stream
	input *input

	buf   buffer
	held  int  // bytes at the front of buf: the start of a line
	armed bool // a deadline for idleness is set
	fresh bool // there was data since

	idle  atomic.Bool   // it waits for its stream
	mu    sync.Mutex    // orders halt and arm
	stop  chan struct{} // closed when Drain's time is over
	ended bool          // the stream came to its end; valid after done
	done  chan struct{}
}

// Capture starts to read stream s from r, the read end of a pipe or the master
// of a terminal, and owns r from now on, also where it fails. A stream can be
// captured once; the error wraps mctr.ErrState for a second time.
func (l *Log) Capture(s Stream, r *os.File) (*Capture, error) {
	in, err := newInput(r)
	if err != nil {
		return nil, fmt.Errorf("capture %s: %w", s, err)
	}
	c := &Capture{log: l, input: in, stop: make(chan struct{}), done: make(chan struct{})}
	if c.buf, err = newBuffer(pipeSize + 2*maxText); err == nil {
		err = l.claim(s, c)
	}
	if err != nil {
		c.buf.free()
		in.close()
		return nil, fmt.Errorf("capture %s: %w", s, err)
	}
	go c.run()
	return c, nil
}

// claim makes c the capture of s, if it is the first.
func (l *Log) claim(s Stream, c *Capture) (err error) {
	if c.st, err = l.stream(s); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done {
		return fmt.Errorf("%w: the log is closed", mctr.ErrState)
	}
	if c.st.capture != nil {
		return fmt.Errorf("%w: already captured", mctr.ErrState)
	}
	c.st.capture = c
	return nil
}

// Idle reports whether everything that came is dealt with: the capture waits for
// its stream, and not for a disk or a client.
func (c *Capture) Idle() bool { return c.idle.Load() }

// Done is closed when the stream has ended and all of it is in the log.
// Tees may still be writing: see Tee.Done.
func (c *Capture) Done() <-chan struct{} { return c.done }

// Drain is for a stream whose task is dead. It waits until the end of the
// stream, but not longer than timeout: some process that outlived the task may
// hold the pipe open. Then it takes what the pipe holds and ends the capture
// regardless. It reports whether the end was seen. It may be called again, by
// several at once; the shortest timeout wins.
func (c *Capture) Drain(timeout time.Duration) (ended bool) {
	late := time.AfterFunc(timeout, c.halt)
	defer late.Stop()
	<-c.done
	return c.ended
}

// halt ends waiting, for the task and for slow tees.
func (c *Capture) halt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.halted() {
		close(c.stop)
		c.input.deadline(time.Unix(1, 0))
	}
}

func (c *Capture) halted() bool {
	select {
	case <-c.stop:
		return true
	default:
		return false
	}
}

func (c *Capture) run() {
	defer close(c.done)
	for !c.ended && !c.halted() {
		switch n, err := c.input.read(c.buf[c.held : c.held+pipeSize]); {
		case n > 0:
			c.take(n)
			if n < c.input.pipe/2 { // 0 for a terminal, which holds too little to nap meanwhile
				time.Sleep(nap)
			}
		case errors.Is(err, unix.EAGAIN):
			c.wait()
		default:
			c.ended = true // 0; or EIO, of a terminal that no process has open
		}
	}
	c.finish()
}

// take logs the n bytes that were read behind those held, then tees them.
func (c *Capture) take(n int) {
	data := c.buf[:c.held+n]
	left := c.log.write(c.st, data, n, false)
	c.st.tees.put(data[c.held:], c.stop)
	c.held = copy(c.buf, data[len(data)-left:])
	c.fresh = true
}

// wait waits for the task; when that takes long the stream is idle.
func (c *Capture) wait() {
	c.idle.Store(true)
	defer c.idle.Store(false)
	if c.fresh && !c.armed {
		c.arm(idleAfter)
	}
	err := c.input.wait()
	if err == nil || c.halted() {
		return
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		time.Sleep(idleAfter) // no memory for epoll_ctl: then it is read now and then
	}
	if c.fresh {
		c.fresh = false
		c.arm(idleAfter)
		return
	}
	c.flush()
	c.buf.release()
	c.log.idle()
	c.arm(0)
}

// arm sets the deadline for idleness, 0 for none.
func (c *Capture) arm(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.halted() {
		return
	}
	c.armed = d > 0
	var at time.Time
	if c.armed {
		at = time.Now().Add(d)
	}
	c.input.deadline(at)
}

// sweep takes what the stream holds at this moment and waits for no more.
func (c *Capture) sweep() {
	for waiting := c.input.waiting(); waiting > 0; {
		n, err := c.input.read(c.buf[c.held : c.held+min(waiting, pipeSize)])
		if n == 0 || err != nil {
			return
		}
		c.take(n)
		waiting -= n
	}
}

// flush logs the start of a line that is held.
func (c *Capture) flush() {
	if c.held > 0 {
		c.log.write(c.st, c.buf[:c.held], 0, true)
		c.held = 0
	}
}

func (c *Capture) finish() {
	if !c.ended {
		c.sweep()
	}
	c.flush()
	c.st.tees.end()
	c.buf.free()
	c.mu.Lock() // halt may come at any time
	defer c.mu.Unlock()
	c.input.close()
}
