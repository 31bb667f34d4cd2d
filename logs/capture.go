package logs

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
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
	log  *Log
	st   *stream
	r    *os.File
	pipe int // capacity of the pipe, 0 where r is none

	in    buffer
	held  int  // bytes at the front of in: the start of a line
	armed bool // a deadline for idleness is set
	fresh bool // there was data since

	mu      sync.Mutex
	drainBy time.Time     // Drain's deadline, if not zero
	stop    chan struct{} // closed when Drain's time is over
	ended   bool          // the stream came to its end; valid after done
	done    chan struct{}
}

// Capture starts to read stream s from r, the read end of a pipe or the master
// of a terminal, and owns r from now on. A stream can be captured once; the
// error wraps mctr.ErrState for a second time.
func (l *Log) Capture(s Stream, r *os.File) (*Capture, error) {
	st, err := l.stream(s)
	if err != nil {
		return nil, err
	}
	if r, err = pollable(r); err != nil {
		return nil, fmt.Errorf("capture %s: %w", s, err)
	}
	in, err := newBuffer(pipeSize + 2*maxText)
	if err != nil {
		return nil, fmt.Errorf("capture %s: %w", s, err)
	}
	c := &Capture{log: l, st: st, r: r, pipe: enlarge(r), in: in, stop: make(chan struct{}), done: make(chan struct{})}
	if !l.claim(st, c) {
		in.free()
		return nil, fmt.Errorf("%w: capture %s: already captured", mctr.ErrState, s)
	}
	go c.run()
	return c, nil
}

// claim makes c the capture of st, if it is the first.
func (l *Log) claim(st *stream, c *Capture) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if st.capture != nil || l.done {
		return false
	}
	st.capture = c
	return true
}

// pollable returns r as a file that takes deadlines. A file made of a
// descriptor that blocks does not: it is opened anew.
func pollable(r *os.File) (*os.File, error) {
	if err := r.SetReadDeadline(time.Time{}); err == nil {
		return r, nil
	}
	fd, err := unix.FcntlInt(r.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	f := os.NewFile(uintptr(fd), r.Name())
	if err := f.SetReadDeadline(time.Time{}); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("%s is neither pipe, socket nor terminal: %w", r.Name(), err)
	}
	return f, r.Close()
}

// enlarge gives the pipe r all the room it is allowed and returns that.
func enlarge(r *os.File) (size int) {
	raw, err := r.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(fd uintptr) {
		for want := pipeSize; want >= 128<<10; want /= 2 {
			if _, err := unix.FcntlInt(fd, unix.F_SETPIPE_SZ, want); err == nil {
				break // EPERM: above fs.pipe-max-size or the user's share
			}
		}
		if n, err := unix.FcntlInt(fd, unix.F_GETPIPE_SZ, 0); err == nil {
			size = n
		}
	})
	return size
}

// Done is closed when the stream has ended and all of it is in the log.
// Tees may still be writing: see Tee.Done.
func (c *Capture) Done() <-chan struct{} { return c.done }

// Drain is for a stream whose task is dead. It waits until the end of the
// stream, but not longer than timeout: some process that outlived the task may
// hold the pipe open. Then it takes what the pipe holds and ends the capture
// regardless. It reports whether the end was seen. It may be called again, by
// several at once; the shortest timeout wins.
func (c *Capture) Drain(timeout time.Duration) (ended bool) {
	c.drainUntil(time.Now().Add(timeout))
	late := time.AfterFunc(timeout, c.halt)
	defer late.Stop()
	<-c.done
	return c.ended
}

func (c *Capture) drainUntil(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.drainBy.IsZero() || at.Before(c.drainBy) {
		c.drainBy = at
		_ = c.r.SetReadDeadline(at) // fails only after the end
	}
}

// halt ends waiting for slow tees.
func (c *Capture) halt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.stop:
	default:
		close(c.stop)
	}
}

func (c *Capture) run() {
	defer close(c.done)
	for more := true; more; {
		n, err := c.r.Read(c.in[c.held : c.held+pipeSize])
		if n > 0 {
			c.take(n)
		}
		switch {
		case err == nil:
			c.rest(n)
		case errors.Is(err, os.ErrDeadlineExceeded):
			more = c.late()
		default:
			c.ended, more = true, false // io.EOF; EIO from a terminal that nobody has open
		}
	}
	c.finish()
}

// take logs the n bytes that were read behind those held, then tees them.
func (c *Capture) take(n int) {
	data := c.in[:c.held+n]
	left := c.log.write(c.st, data, n, false)
	c.st.tees.put(data[c.held:], c.stop)
	c.held = copy(c.in, data[len(data)-left:])
	c.fresh = true
	if !c.armed {
		c.arm(idleAfter)
	}
}

// arm sets the deadline for idleness, 0 for none, unless Drain has set its own.
func (c *Capture) arm(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed = d > 0
	if !c.drainBy.IsZero() {
		return
	}
	var at time.Time
	if d > 0 {
		at = time.Now().Add(d)
	}
	_ = c.r.SetReadDeadline(at)
}

// rest waits a moment after a read that gave little.
func (c *Capture) rest(n int) {
	if n >= c.pipe/2 {
		return
	}
	select {
	case <-c.stop:
	default:
		time.Sleep(nap)
	}
}

// late is called at a deadline: Drain's, which ends the capture, or that for idleness.
func (c *Capture) late() (more bool) {
	c.mu.Lock()
	drainBy := c.drainBy
	c.mu.Unlock()
	if !drainBy.IsZero() {
		if time.Now().Before(drainBy) {
			return true // Drain came as the other deadline passed
		}
		c.sweep()
		return false
	}
	if c.fresh {
		c.fresh = false
		c.arm(idleAfter)
		return true
	}
	c.flush()
	c.in.release()
	c.log.idle()
	c.arm(0)
	return true
}

// sweep takes what the stream holds at this moment and waits for no more.
func (c *Capture) sweep() {
	raw, err := c.r.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		waiting, err := unix.IoctlGetInt(int(fd), unix.TIOCINQ)
		for err == nil && waiting > 0 {
			var n int
			n, err = unix.Read(int(fd), c.in[c.held:c.held+min(waiting, pipeSize)])
			if errors.Is(err, syscall.EINTR) {
				err = nil
				continue
			}
			if n <= 0 {
				return
			}
			c.take(n)
			waiting -= n
		}
	})
}

// flush logs the start of a line that is held.
func (c *Capture) flush() {
	if c.held > 0 {
		c.log.write(c.st, c.in[:c.held], 0, true)
		c.held = 0
	}
}

func (c *Capture) finish() {
	c.flush()
	c.st.tees.end()
	_ = c.r.Close()
	c.in.free()
	c.in = nil
}
