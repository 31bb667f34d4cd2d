package logs

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/mctr/mctr"
)

// A client records what a tee writes to it.
type client struct {
	mu     sync.Mutex
	got    bytes.Buffer
	gaps   int64
	closed int
	err    error         // of Write
	hold   chan struct{} // if set, a Write waits for it
}

func (c *client) Write(p []byte) (int, error) {
	if c.hold != nil {
		<-c.hold
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return 0, c.err
	}
	return c.got.Write(p)
}

func (c *client) Close() error {
	c.closed++
	return nil
}

func (c *client) gap(n int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gaps += n
	return c.err
}

// tee opens a log with a client on stdout and returns the task's end of the pipe.
func tee(t *testing.T, c *client, opts TeeOptions) (l *Log, tee *Tee, w *os.File) {
	t.Helper()
	l, err := Open(filepath.Join(t.TempDir(), "logs"), Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	if tee, err = l.AddTee(Stdout, c, opts); err != nil {
		t.Fatal(err)
	}
	return l, tee, captured(t, l, Stdout)
}

func TestPrimaryGetsEveryByte(t *testing.T) {
	c := &client{}
	l, tee, w := tee(t, c, TeeOptions{})
	text := randomText(newRandom(t), 3<<20)
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	<-tee.Done()
	if !bytes.Equal(c.got.Bytes(), text) || c.closed != 1 {
		t.Errorf("%d bytes, want %d; closed %d times", c.got.Len(), len(text), c.closed)
	}
	<-l.streams[Stdout].capture.Done()
	if _, err := l.AddTee(Stdout, c, TeeOptions{}); !errors.Is(err, mctr.ErrState) {
		t.Errorf("a tee after the end: %v, want ErrState", err)
	}
	if _, err := l.AddTee(7, c, TeeOptions{}); !errors.Is(err, mctr.ErrInvalid) {
		t.Errorf("a tee of stream 7: %v, want ErrInvalid", err)
	}
}

// TestPrimaryHoldsTheTaskUp writes more than log, pipe and tee buffer while the client waits: the
// task is blocked, but not the lossy tee beside it.
func TestPrimaryHoldsTheTaskUp(t *testing.T) {
	c, other := &client{hold: make(chan struct{})}, &client{}
	l, tee, w := tee(t, c, TeeOptions{})
	if _, err := l.AddTee(Stdout, other, TeeOptions{Lossy: true, Gap: other.gap}); err != nil {
		t.Fatal(err)
	}
	text := make([]byte, 8<<20)
	if err := w.SetWriteDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	n, err := w.Write(text)
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("8 MiB went through a client that reads nothing: %v", err)
	}
	close(c.hold)
	_ = w.Close()
	<-tee.Done()
	if c.got.Len() != n || c.gaps != 0 {
		t.Errorf("client has %d bytes, %d were taken", c.got.Len(), n)
	}
}

func TestLossyCountsWhatItDrops(t *testing.T) {
	c := &client{hold: make(chan struct{})}
	l, tee, w := tee(t, c, TeeOptions{Lossy: true, Gap: func(n int64) error { return c.gap(n) }})
	text := randomText(newRandom(t), 4<<20)
	if _, err := w.Write(text); err != nil { // not blocked
		t.Fatal(err)
	}
	_ = w.Close()
	<-l.streams[Stdout].capture.Done()
	close(c.hold)
	<-tee.Done()
	if c.gaps == 0 || int64(c.got.Len())+c.gaps != int64(len(text)) {
		t.Errorf("%d bytes and gaps of %d, want %d together", c.got.Len(), c.gaps, len(text))
	}
	if !bytes.HasPrefix(text, c.got.Bytes()[:teeSize]) {
		t.Error("what the client got first is not what was written first")
	}
}

func TestAFailedClientIsDropped(t *testing.T) {
	for _, lossy := range []bool{false, true} {
		c := &client{err: errors.New("gone")}
		l, tee, w := tee(t, c, TeeOptions{Lossy: lossy})
		if _, err := w.Write(make([]byte, 4<<20)); err != nil {
			t.Fatal(err)
		}
		_ = w.Close()
		<-tee.Done()
		<-l.streams[Stdout].capture.Done()
		if s := l.Stats(); s.Bytes != 4<<20 || s.Dropped != 0 || c.closed != 1 {
			t.Errorf("%+v, closed %d times", s, c.closed)
		}
	}
}

func TestRemoveTee(t *testing.T) {
	c := &client{}
	l, tee, w := tee(t, c, TeeOptions{})
	l.RemoveTee(tee)
	<-tee.Done()
	if _, err := w.WriteString("x\n"); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	<-l.streams[Stdout].capture.Done()
	if c.got.Len() != 0 || c.closed != 1 {
		t.Errorf("got %q, closed %d times", c.got.String(), c.closed)
	}
}
