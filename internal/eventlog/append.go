// Package eventlog is the file through which every process that uses the same
// directories tells the others what happened to containers: each appends, and
// anybody follows.
//
// On disk: the file, one JSON object a line, and behind it one older file, PATH.1,
// once it has grown to [MaxSize]. A line that a crash or a full disk cut is
// skipped by readers. Each event has a cursor, one more than the event's before it, by
// which a reader goes on where it was, and is told what it missed.
// Nothing is synced: the file lies where it ends with the
// boot. In the kernel: a lock on the file while a line is written.
package eventlog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
)

// MaxSize is where a file is put aside, in bytes: about 5,000 events.
const MaxSize = 1 << 20

// older is the file before path's.
func older(path string) string { return path + ".1" }

// Append adds an event. It gets the next cursor, and the time of now or, where the clock
// was set back, of the event before it.
func Append(path string, e mctr.Event) error {
	f, err := current(path)
	if err != nil {
		return fmt.Errorf("append event: %w", err)
	}
	defer f.Close() // and with it the lock
	follow(&e, last(f, path))
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	// A line starts with its own newline, so that one that was cut does not spoil it.
	if _, err := f.Write(append(append([]byte{'\n'}, line...), '\n')); err != nil {
		return fmt.Errorf("append event: %w", err)
	}
	info, err := f.Stat()
	if err == nil && info.Size() > MaxSize {
		err = os.Rename(path, older(path))
	}
	return err
}

// follow puts e behind before. Cursors begin at the time, in microseconds: those of a file
// that was lost are less than those of the next one.
func follow(e *mctr.Event, before mctr.Event) {
	e.Time = time.Now().UTC()
	if e.Time.Before(before.Time) {
		e.Time = before.Time
	}
	e.Cursor, e.First = before.Cursor+1, false
	if before.Cursor == 0 {
		e.Cursor, e.First = uint64(e.Time.UnixMicro()), true
	}
}

// last is the newest event in f, which is path's file, or else in the one before; with
// cursor 0 where there is none.
func last(f *os.File, path string) mctr.Event {
	if e, ok := lastOf(f); ok {
		return e
	}
	before, err := os.OpenFile(older(path), os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return mctr.Event{}
	}
	defer before.Close()
	e, _ := lastOf(before)
	return e
}

// lastOf reads a file backwards to its last whole line.
func lastOf(f *os.File) (e mctr.Event, ok bool) {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return e, false
	}
	for n := min(info.Size(), 1024); ; n = min(info.Size(), 8*n) {
		tail := make([]byte, n)
		if _, err := f.ReadAt(tail, info.Size()-n); err != nil {
			return e, false
		}
		for rest := tail; len(rest) > 0; {
			at := bytes.LastIndexByte(bytes.TrimRight(rest, "\n"), '\n') + 1
			if at == 0 && n < info.Size() {
				break // the line may begin before
			}
			if e, ok := parse(rest[at:]); ok {
				return e, true
			}
			rest = rest[:at]
			if at == 0 {
				return e, false
			}
		}
		if n == info.Size() {
			return e, false
		}
	}
}

// current opens path's file and locks it: nobody else writes to it or puts it
// aside then, so that a follower misses nothing.
func current(path string) (*os.File, error) {
	for deadline := time.Now().Add(lockTime); ; {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
		if err != nil {
			return nil, err
		}
		if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
			return nil, errors.Join(fmt.Errorf("%s is not a file", path), err, f.Close())
		}
		if err := flock(f); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		if same(f, path) {
			return f, nil
		}
		_ = f.Close() // it was put aside before we had the lock
		if time.Now().After(deadline) {
			return nil, fmt.Errorf(
				"%s is replaced all the time, or its filesystem gives it another number at each look", path)
		}
	}
}

// lockTime bounds the wait for others, who hold the lock for one write.
const lockTime = 2 * time.Second

func flock(f *os.File) error {
	for deadline := time.Now().Add(lockTime); ; time.Sleep(time.Millisecond) {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.EWOULDBLOCK) || time.Now().After(deadline) {
			return err
		}
	}
}

// same reports whether path names f.
func same(f *os.File, path string) bool {
	ours, err := f.Stat()
	if err != nil {
		return false
	}
	theirs, err := os.Stat(path)
	return err == nil && os.SameFile(ours, theirs)
}

func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
