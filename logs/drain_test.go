package logs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
)

func TestDrainSeesTheEnd(t *testing.T) {
	l, _, w := tee(t, &client{}, TeeOptions{})
	c := l.streams[Stdout].capture
	_, _ = w.WriteString("last words")
	_ = w.Close()
	if !c.Drain(time.Minute) || l.Stats().Bytes != 10 {
		t.Errorf("end not seen or not all read: %+v", l.Stats())
	}
	if !c.Drain(0) {
		t.Error("a second Drain tells otherwise")
	}
}

// TestDrainOfAHeldPipe drains pipes whose write end another process holds: one that is silent, one
// that never stops writing, and one whose client is stuck.
func TestDrainOfAHeldPipe(t *testing.T) {
	text := strings.Repeat("0123456\n", 1000)
	for name, o := range map[string]struct{ busy, stuck bool }{"silent": {}, "busy": {busy: true},
		"stuck": {stuck: true}} {
		t.Run(name, func(t *testing.T) {
			cl := &client{}
			if o.stuck {
				cl.hold = make(chan struct{})
				defer close(cl.hold)
			}
			l, _, w := tee(t, cl, TeeOptions{})
			if o.stuck { // more than tee and capture buffer
				text = strings.Repeat(text, 100)
			}
			if _, err := w.WriteString(text); err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			if o.busy {
				wg.Go(func() {
					for {
						if _, err := w.WriteString(text); err != nil {
							return // the capture has ended: EPIPE
						}
					}
				})
			}
			if l.streams[Stdout].capture.Drain(50 * time.Millisecond) {
				t.Error("an end was seen")
			}
			if n := l.Stats().Bytes; n < int64(len(text)) {
				t.Errorf("%d bytes read of %d", n, len(text))
			}
			wg.Wait()
		})
	}
}

func TestCloseDrains(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	l, err := Open(dir, Config{})
	if err != nil {
		t.Fatal(err)
	}
	w := captured(t, l, Stderr)
	if _, err := w.WriteString("abc"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	if got, _ := readBack(t, dir, Config{}, ReadOptions{Tail: -1}); got[Stderr] != "abc" {
		t.Errorf("got %q", got[Stderr])
	}
}

func TestCaptureRefuses(t *testing.T) {
	l, err := Open(filepath.Join(t.TempDir(), "logs"), Config{Driver: DriverNone})
	if err != nil {
		t.Fatal(err)
	}
	captured(t, l, Stdout)
	file := func() *os.File {
		f, err := os.Create(filepath.Join(t.TempDir(), "file"))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	pipe := func() *os.File {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = w.Close() })
		return r
	}
	again, regular, closed := pipe(), file(), pipe()
	if _, err := l.Capture(Stdout, again); !errors.Is(err, mctr.ErrState) {
		t.Errorf("second capture: %v, want ErrState", err)
	}
	if _, err := l.Capture(Stderr, regular); err == nil {
		t.Error("a regular file is captured")
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Capture(Stderr, closed); !errors.Is(err, mctr.ErrState) {
		t.Errorf("capture by a closed log: %v, want ErrState", err)
	}
	for _, f := range []*os.File{again, regular, closed} {
		if err := f.Close(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("%s was left open", f.Name())
		}
	}
}

// TestBlockingPipe captures a descriptor as a process inherits it.
func TestBlockingPipe(t *testing.T) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	r, w := os.NewFile(uintptr(fds[0]), "inherited"), os.NewFile(uintptr(fds[1]), "w")
	l, err := Open(filepath.Join(t.TempDir(), "logs"), Config{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := l.Capture(Stdout, r)
	if err != nil {
		t.Fatal(err)
	}
	if c.input.pipe != pipeSize {
		t.Errorf("pipe of %d bytes, want %d", c.input.pipe, pipeSize)
	}
	_, _ = w.WriteString("x\n")
	if c.Drain(20 * time.Millisecond) {
		t.Error("an end was seen")
	}
	_ = w.Close()
	if err := l.Close(); err != nil || l.Stats().Bytes != 2 {
		t.Errorf("%v, %+v", err, l.Stats())
	}
}

func TestTerminal(t *testing.T) {
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "logs")
	l, err := Open(dir, Config{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := l.Capture(Stdout, master)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = slave.WriteString("hello\n")
	_ = slave.Close()
	if !c.Drain(time.Minute) {
		t.Error("the terminal's end was not seen")
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if got, _ := readBack(t, dir, Config{}, ReadOptions{Tail: -1}); got[Stdout] != "hello\r\n" {
		t.Errorf("got %q", got[Stdout])
	}
}

// TestSilence: an unfinished line appears in the log, and the memory is returned.
func TestSilence(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	l, err := Open(dir, Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	w := captured(t, l, Stdout)
	c := l.streams[Stdout].capture
	in, out := c.buf, l.out
	text := strings.Repeat("y\n", 1<<20) + "name: "
	if _, err := w.WriteString(text); err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	seen := errors.New("seen")
	err = Read(t.Context(), dir, Config{}, ReadOptions{Follow: true, Tail: -1}, nil, func(e Entry) error {
		if got.Write(e.Text); e.Partial {
			return seen
		}
		got.WriteByte('\n')
		return nil
	})
	if !errors.Is(err, seen) || got.String() != text {
		t.Errorf("got %d bytes of %d: %v", got.Len(), len(text), err)
	}
	for deadline := time.Now().Add(time.Minute); resident(t, in)+resident(t, out) > 0; time.Sleep(
		10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d and %d pages are still held", resident(t, in), resident(t, out))
		}
	}
}

// resident returns the number of pages of b in memory.
func resident(t *testing.T, b buffer) (n int) {
	pages := make([]byte, (len(b)+os.Getpagesize()-1)/os.Getpagesize())
	_, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)),
		uintptr(unsafe.Pointer(&pages[0])))
	if errno != 0 {
		t.Fatal(errno)
	}
	for _, p := range pages {
		n += int(p & 1)
	}
	return n
}
