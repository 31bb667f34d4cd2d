// Package eventlog is the file through which all processes that use the same directories inform
// each other about their containers: each process appends events, and any process can follow them.
//
// On disk: the file, with one JSON object a line, and its predecessor, PATH.1, once the file has
// grown to [MaxSize]. Readers skip a line that a crash or a full disk truncated. The cursor of each
// event is that of its predecessor plus one: a reader continues after a cursor and learns of events
// that it missed. Nothing is synced: the file is in a directory that does not survive a reboot. In
// the kernel: a lock on the file while a line is written.
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

// MaxSize is the size in bytes at which a file is rotated: about 5,000 events.
const MaxSize = 1 << 20

// older returns the name of the predecessor of path.
func older(path string) string { return path + ".1" }

// Append appends an event. It sets the next cursor and the current time or, if the clock was set
// back, the time of the previous event.
func Append(path string, e mctr.Event) error {
	f, err := current(path)
	if err != nil {
		return fmt.Errorf("append event: %w", err)
	}
	defer f.Close() // releases the lock too
	follow(&e, last(f, path))
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	// The leading newline separates this line from a truncated one.
	if _, err := f.Write(append(append([]byte{'\n'}, line...), '\n')); err != nil {
		return fmt.Errorf("append event: %w", err)
	}
	info, err := f.Stat()
	if err == nil && info.Size() > MaxSize {
		err = os.Rename(path, older(path))
	}
	return err
}

// follow sets e's time and cursor to follow before. The first cursor is the time in microseconds,
// so that the cursors of a lost file are smaller than those of the next file.
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

// last returns the newest event in f, which is path's file, or else in its predecessor. Without an
// event, the cursor is 0.
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

// lastOf searches a file backwards for its last complete line.
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

// current opens path's file and locks it: meanwhile no other process writes to it or rotates it, so
// that followers miss nothing.
func current(path string) (*os.File, error) {
	for deadline := time.Now().Add(lockTime); ; {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
		if err != nil {
			return nil, err
		}
		if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
			return nil, errors.Join(fmt.Errorf("%s is not a regular file", path), err, f.Close())
		}
		if err := flock(f); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		if same(f, path) {
			return f, nil
		}
		_ = f.Close() // it was rotated before it was locked
		if time.Now().After(deadline) {
			return nil, fmt.Errorf(
				"%s is replaced all the time, or its filesystem keeps changing its inode number", path)
		}
	}
}

// lockTime limits the wait for other processes, each of which holds the lock for one write.
const lockTime = 2 * time.Second

func flock(f *os.File) error {
	for deadline := time.Now().Add(lockTime); ; time.Sleep(time.Millisecond) {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.EWOULDBLOCK) || time.Now().After(deadline) {
			return err
		}
	}
}

// same returns true if path names f.
func same(f *os.File, path string) bool {
	ours, err := f.Stat()
	if err != nil {
		return false
	}
	theirs, err := os.Stat(path)
	return err == nil && os.SameFile(ours, theirs)
}

func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
