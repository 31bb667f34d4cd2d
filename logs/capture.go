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
	// nap follows a read that returned little, so that a task that prints line by line wakes the
	// capture once a millisecond instead of once a line. Meanwhile the pipe holds the task's
	// output.
	nap = time.Millisecond
	// idleAfter is the time, doubled at most, after which a silent stream returns its memory and
	// logs the line that it left unfinished.
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
	fresh bool // data came since the deadline was set

	idle  atomic.Bool   // the capture waits for its stream
	mu    sync.Mutex    // orders halt and arm
	stop  chan struct{} // closed when the timeout of Drain is over
	ended bool          // the end of the stream was read; valid after done
	done  chan struct{}
}

// Capture starts to read stream s from r, the read end of a pipe or the master of a terminal. It
// closes r, even if it fails. A stream can be captured once; for a second capture the error wraps
// mctr.ErrState.
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

// claim makes c the capture of s, if s has none.
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

// Idle returns true if all output so far is processed: the capture waits for its stream, not for a
// disk or a client.
func (c *Capture) Idle() bool { return c.idle.Load() }

// Done returns a channel that is closed when the stream has ended and is completely in the log.
// Tees may still be writing: see Tee.Done.
func (c *Capture) Done() <-chan struct{} { return c.done }

// Drain ends the capture of a task that is dead. It waits for the end of the stream, but not longer
// than timeout, because a process that outlived the task may hold the pipe open. Then it reads what
// is left in the pipe and ends the capture. It returns true if it reached the end of the stream.
// Several calls may run at once; the shortest timeout applies.
func (c *Capture) Drain(timeout time.Duration) (ended bool) {
	late := time.AfterFunc(timeout, c.halt)
	defer late.Stop()
	<-c.done
	return c.ended
}

// halt makes the capture stop waiting for the task and for slow tees.
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
			if n < c.input.pipe/2 { // 0 for a terminal, whose buffer is too small for a nap
				time.Sleep(nap)
			}
		case errors.Is(err, unix.EAGAIN):
			c.wait()
		default:
			c.ended = true // 0 bytes; or EIO, from a terminal that no process has open
		}
	}
	c.finish()
}

// take logs the n bytes that were read after the held ones, then passes them to the tees.
func (c *Capture) take(n int) {
	data := c.buf[:c.held+n]
	left := c.log.write(c.st, data, n, false)
	c.st.tees.put(data[c.held:], c.stop)
	c.held = copy(c.buf, data[len(data)-left:])
	c.fresh = true
}

// wait waits for output of the task. If none comes for long, the stream is idle.
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
		time.Sleep(idleAfter) // no memory for epoll_ctl: read from time to time instead
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

// arm sets the deadline for idleness; 0 removes it.
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

// sweep reads what the stream holds at this moment, without waiting for more.
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

// flush logs the held start of a line.
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
