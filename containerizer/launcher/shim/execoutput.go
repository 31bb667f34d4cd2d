package shim

import (
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// A relay copies a process's output to one client. A slow client holds the
// process up and loses nothing; what stays in the pipes costs nothing,
// so there is no time after which a client is too slow.
type relay struct {
	pipes   *pipes
	to      *chunkWriter
	moved   atomic.Int64 // bytes read
	sending atomic.Int32 // streams that do something else than wait for output
	group   sync.WaitGroup
}

// begin copies each stream. Without a writer the output is read and forgotten.
func (r *relay) begin(w io.Writer) {
	if w != nil {
		r.to = &chunkWriter{w: w}
	}
	for stream, from := range r.pipes.outputs() {
		r.sending.Add(1)
		r.group.Go(func() { r.copy(stream, from) })
	}
}

// end waits, when the process has ended, for the end of its output. A process
// left in the background may keep that open: what comes when nothing came for
// stillTime, or later than drainTime, is not waited for.
func (r *relay) end() {
	done := make(chan struct{})
	go func() { r.group.Wait(); close(done) }()
	if !r.settle(done) {
		r.pipes.stop()
		<-done
	}
}

// settle reports whether the end of output came.
func (r *relay) settle(done <-chan struct{}) bool {
	late := time.After(drainTime)
	for {
		before := r.moved.Load()
		select {
		case <-done:
			return true
		case <-late:
			return false
		case <-time.After(stillTime):
			if r.sending.Load() == 0 && r.moved.Load() == before {
				return false
			}
		}
	}
}

func (r *relay) copy(stream byte, from *os.File) {
	defer r.sending.Add(-1)
	buf := make([]byte, 32<<10)
	for {
		r.sending.Add(-1)
		n, err := from.Read(buf)
		r.sending.Add(1)
		r.send(stream, buf[:n])
		if errors.Is(err, os.ErrDeadlineExceeded) {
			r.sweep(stream, from, buf)
		}
		if err != nil {
			return // EOF, or EIO from a pty whose last user went
		}
	}
}

// sweep takes what the stream holds at this moment.
func (r *relay) sweep(stream byte, from *os.File, buf []byte) {
	left := 0
	err := errors.Join(from.SetReadDeadline(time.Time{}), control(from, func(fd int) (err error) {
		left, err = unix.IoctlGetInt(fd, unix.TIOCINQ)
		return err
	}))
	for err == nil && left > 0 {
		var n int
		n, err = from.Read(buf[:min(left, len(buf))])
		r.send(stream, buf[:n])
		left -= n
	}
}

func (r *relay) send(stream byte, data []byte) {
	r.moved.Add(int64(len(data)))
	if r.to != nil && len(data) > 0 {
		_ = r.to.write(stream, data) // a lost client ends the process, not the copy
	}
}
