package shim

import (
	"errors"
	"io"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// TestStdinWriterBound wants an error for a client that exceeds its window, because its data is in
// memory.
func TestStdinWriterBound(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	left := make(chan struct{})
	f := &stdinWriter{stdin: w, credit: func(int) {}, close: func() {}, left: func() { close(left) }}
	f.begin()
	for range 3 { // one may be with the writer, one in the pipe
		err = errors.Join(err, f.put(make([]byte, wire.Window/2+1)))
	}
	if !errors.Is(err, wire.ErrProtocol) {
		t.Errorf("it took more than there is room for: %v", err)
	}
	f.leave()
	<-left
}

// TestStdinWriterWaits has a client of an earlier build, which does not count. The shim must read
// from it only as fast as the process reads, and lose nothing.
func TestStdinWriterWaits(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	left := make(chan struct{})
	f := &stdinWriter{stdin: w, credit: func(int) {}, close: func() { _ = w.Close() }, left: func() { close(left) },
		uncounted: true}
	f.begin()
	const chunks, size = 8, 2 * wire.Window // an earlier build may send more than the window at once
	var puts atomic.Int32
	go func() {
		for range chunks {
			_ = f.put(make([]byte, size)) // a loss shows in the count below
			puts.Add(1)
		}
		f.end()
	}()
	time.Sleep(50 * time.Millisecond)
	if n := puts.Load(); n > 2 { // one is with the writer, one in the queue
		t.Errorf("%d chunks are kept in memory", n)
	}
	if n, err := io.Copy(io.Discard, r); err != nil || n != chunks*size {
		t.Errorf("%d bytes came of %d: %v", n, chunks*size, err)
	}
	f.leave()
	<-left
}
