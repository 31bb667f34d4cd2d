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

// A relay copies a process's output to one client. A slow client blocks the process and loses
// nothing. Since unread output stays in the pipes and costs no memory, there is no time limit for a
// slow client.
type relay struct {
	pipes   *pipes
	to      *chunkWriter
	moved   atomic.Int64 // bytes read
	sending atomic.Int32 // streams that do anything but wait for output
	group   sync.WaitGroup
}

// begin starts to copy each stream. Without a writer the output is read and dropped.
func (r *relay) begin(w io.Writer) {
	if w != nil {
		r.to = &chunkWriter{w: w}
	}
	for stream, from := range r.pipes.outputs() {
		r.sending.Add(1)
		r.group.Go(func() { r.copy(stream, from) })
	}
}

// end waits for the end of the output after the process has exited. A background process may keep
// the output open, so end stops waiting when nothing came for stillTime, and in any case after
// drainTime.
func (r *relay) end() {
	done := make(chan struct{})
	go func() { r.group.Wait(); close(done) }()
	if !r.settle(done) {
		r.pipes.stop()
		<-done
	}
}

// settle reports whether the output has ended.
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
			return // EOF, or EIO from a pty that no process has open any more
		}
	}
}

// sweep copies the bytes that are in the stream at this moment.
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
		_ = r.to.write(stream, data) // on an error the client has disconnected, which kills the process elsewhere
	}
}
