package work

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// count adds one to the counter, and a line to the log, again and again. The lock is flock(2)'s. Only
// tally answers with the counter, because this process does not hold the lock at the end.
func (w Work) count(ctx context.Context) (*Answer, error) {
	lock, err := os.OpenFile(w.path("lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	for range w.Times {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := w.locked(int(lock.Fd()), w.addOne); err != nil {
			return nil, err
		}
	}
	return &Answer{}, nil
}

func (w Work) locked(lock int, do func() error) error {
	for {
		err := unix.Flock(lock, unix.LOCK_EX)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
	return errors.Join(do(), unix.Flock(lock, unix.LOCK_UN))
}

// addOne is a read and a write with a pause between them: without a lock, two processes would lose each
// other's updates.
func (w Work) addOne() error {
	n, err := w.counter()
	if err != nil {
		return err
	}
	time.Sleep(100 * time.Microsecond)
	if err := os.WriteFile(w.path("counter"), strconv.AppendInt(nil, n+1, 10), 0o644); err != nil {
		return err
	}
	log, err := os.OpenFile(w.path("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = log.WriteString("one\n")
	return errors.Join(err, log.Close())
}

// counter returns the counter; 0 if there is none yet.
func (w Work) counter() (int64, error) {
	text, err := os.ReadFile(w.path("counter"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
}

func (w Work) tally(context.Context) (*Answer, error) {
	n, err := w.counter()
	if err != nil {
		return nil, err
	}
	log, err := os.ReadFile(w.path("log"))
	return &Answer{Count: n, Lines: int64(bytes.Count(log, []byte("one\n")))}, err
}
