package shim

import (
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// A feeder writes what a client sends to a process's stdin, beside the client's other
// requests: a process that does not read keeps back neither its signals nor the news
// that the client has gone.
type feeder struct {
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

func (f *feeder) begin() {
	f.more = sync.NewCond(&f.mu)
	go f.run()
}

// put takes what the client sent. One that counts and sends more than it was told to is
// refused.
func (f *feeder) put(data []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.waits && len(f.queue) > 0 {
		f.more.Wait()
	}
	if !f.waits && len(f.queue)+len(data) > wire.Window {
		return fmt.Errorf("%w: stdin: more than %d bytes ahead", wire.ErrProtocol, wire.Window)
	}
	f.queue = append(f.queue, data...)
	f.more.Broadcast()
	return nil
}

// end takes the end of stdin.
func (f *feeder) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.eof = true
	f.more.Broadcast()
}

// leave says that the client has gone. What the process does not take soon of what
// was sent is dropped.
func (f *feeder) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gone = true
	_ = f.stdin.SetWriteDeadline(time.Now().Add(stillTime))
	f.more.Broadcast()
}

// run writes until the client has gone. A process that closed its stdin does not care
// for what is sent.
func (f *feeder) run() {
	defer f.left()
	defer func() { _ = f.stdin.SetWriteDeadline(time.Time{}) }() // the next client's
	written := 0
	for {
		data, eof, gone := f.next()
		_, _ = f.stdin.Write(data)
		if written += len(data); written >= wire.Window/4 { // with less, the client does not wait
			f.taken(written)
			written = 0
		}
		if eof {
			f.close()
		}
		if gone {
			return
		}
	}
}

// next waits for what is to be done.
func (f *feeder) next() (data []byte, eof, gone bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.queue) == 0 && !f.eof && !f.gone {
		f.more.Wait()
	}
	data, eof, gone = f.queue, f.eof, f.gone
	f.queue, f.spare, f.eof = f.spare[:0], f.queue, false
	f.more.Broadcast() // there is room
	return data, eof, gone
}
