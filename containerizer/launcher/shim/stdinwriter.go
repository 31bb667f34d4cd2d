package shim

import (
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// A stdinWriter writes a client's data to a process's stdin in a goroutine of its own. So a process
// that does not read delays neither the signals that the client sends nor the notice that it
// disconnected.
type stdinWriter struct {
	stdin     *os.File
	credit    func(n int) // tells the client that n more bytes are written
	close     func()      // ends stdin
	left      func()      // called when the client has disconnected and nothing of its data is left to write
	uncounted bool        // an older client, which ignores the window: put blocks it instead

	mu           sync.Mutex
	more         *sync.Cond
	queue        []byte // at most wire.Window bytes, or one chunk
	spare        []byte // buffer for the next queue
	eof          bool   // stdin ends after queue
	disconnected bool
}

func (w *stdinWriter) begin() {
	w.more = sync.NewCond(&w.mu)
	go w.run()
}

// put queues data. It fails if the client counts and exceeds its window.
func (w *stdinWriter) put(data []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.uncounted && len(w.queue) > 0 {
		w.more.Wait()
	}
	if !w.uncounted && len(w.queue)+len(data) > wire.Window {
		return fmt.Errorf("%w: stdin: the client is more than %d bytes ahead", wire.ErrProtocol, wire.Window)
	}
	w.queue = append(w.queue, data...)
	w.more.Broadcast()
	return nil
}

// end makes stdin end after the queue.
func (w *stdinWriter) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.eof = true
	w.more.Broadcast()
}

// leave is called when the client disconnects. Data that the process does not read within stillTime
// is dropped.
func (w *stdinWriter) leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.disconnected = true
	_ = w.stdin.SetWriteDeadline(time.Now().Add(stillTime))
	w.more.Broadcast()
}

// run writes until the client has disconnected. It ignores errors of writes: the process may have
// closed its stdin.
func (w *stdinWriter) run() {
	defer w.left()
	defer func() { _ = w.stdin.SetWriteDeadline(time.Time{}) }() // for the next client
	written := 0
	for {
		data, eof, gone := w.next()
		_, _ = w.stdin.Write(data)
		if written += len(data); written >= wire.Window/4 { // the window is large enough to report only now and then
			w.credit(written)
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

// next waits until there is data, the end of stdin, or a disconnect.
func (w *stdinWriter) next() (data []byte, eof, gone bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.queue) == 0 && !w.eof && !w.disconnected {
		w.more.Wait()
	}
	data, eof, gone = w.queue, w.eof, w.disconnected
	w.queue, w.spare, w.eof = w.spare[:0], w.queue, false
	w.more.Broadcast() // wakes put
	return data, eof, gone
}
