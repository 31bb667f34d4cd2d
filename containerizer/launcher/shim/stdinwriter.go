package shim

import (
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// A stdinWriter writes what a client sends to a process's stdin, beside the client's other
// requests: a process that does not read keeps back neither its signals nor the news
// that the client has gone.
type stdinWriter struct {
	stdin *os.File
	taken func(n int) // tells the client, which may send so much more
	close func()      // ends stdin
	left  func()      // the client has gone, and nothing of its is still to be written
	waits bool        // the client does not count what it sends: it is read from as there is room

	mu    sync.Mutex
	more  *sync.Cond
	queue []byte // of at most wire.Window, or a chunk
	spare []byte // to be the next queue
	eof   bool   // behind queue
	gone  bool
}

func (w *stdinWriter) begin() {
	w.more = sync.NewCond(&w.mu)
	go w.run()
}

// put takes what the client sent. One that counts and sends more than it was told to is
// refused.
func (w *stdinWriter) put(data []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.waits && len(w.queue) > 0 {
		w.more.Wait()
	}
	if !w.waits && len(w.queue)+len(data) > wire.Window {
		return fmt.Errorf("%w: stdin: more than %d bytes ahead", wire.ErrProtocol, wire.Window)
	}
	w.queue = append(w.queue, data...)
	w.more.Broadcast()
	return nil
}

// end takes the end of stdin.
func (w *stdinWriter) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.eof = true
	w.more.Broadcast()
}

// leave says that the client has gone. What the process does not take soon of what
// was sent is dropped.
func (w *stdinWriter) leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gone = true
	_ = w.stdin.SetWriteDeadline(time.Now().Add(stillTime))
	w.more.Broadcast()
}

// run writes until the client has gone. A process that closed its stdin does not care
// for what is sent.
func (w *stdinWriter) run() {
	defer w.left()
	defer func() { _ = w.stdin.SetWriteDeadline(time.Time{}) }() // the next client's
	written := 0
	for {
		data, eof, gone := w.next()
		_, _ = w.stdin.Write(data)
		if written += len(data); written >= wire.Window/4 { // with less, the client does not wait
			w.taken(written)
			written = 0
		}
		if eof {
			w.close()
		}
		if gone {
			return
		}
	}
}

// next waits for what is to be done.
func (w *stdinWriter) next() (data []byte, eof, gone bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.queue) == 0 && !w.eof && !w.gone {
		w.more.Wait()
	}
	data, eof, gone = w.queue, w.eof, w.gone
	w.queue, w.spare, w.eof = w.spare[:0], w.queue, false
	w.more.Broadcast() // there is room
	return data, eof, gone
}
