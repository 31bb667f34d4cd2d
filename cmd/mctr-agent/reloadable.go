package main

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A reloadable value is read from files, and read again when one of them has changed.
// What cannot be used is said in the log once for each change, and what there was
// before stays.
type reloadable[T any] struct {
	read  func() (T, error)
	files []string
	log   *slog.Logger

	mu    sync.Mutex
	value T
	seen  []stamp
	young bool // the files may have changed again without another stamp
}

// A stamp of a file tells it from every other that had its name.
type stamp struct {
	device, inode uint64
	size          int64
	changed       unix.Timespec // its content, or who may read it
}

// settled is longer than a filesystem's clock takes for a step.
const settled = 2 * time.Second

// newReloadable reads the value for the first time.
func newReloadable[T any](log slog.Handler, read func() (T, error), files ...string) (*reloadable[T], error) {
	c := &reloadable[T]{read: read, log: slog.New(log),
		files: slices.DeleteFunc(files, func(f string) bool { return f == "" })}
	c.filesChanged()
	var err error
	c.value, err = read()
	return c, err
}

// get is the value as the files have it now.
func (c *reloadable[T]) get() T {
	c.mu.Lock()
	defer c.mu.Unlock()
	young := c.young
	changed := c.filesChanged()
	if !changed && !young {
		return c.value
	}
	value, err := c.read()
	switch {
	case err == nil:
		c.value = value
	case changed:
		c.log.Error("what was there before is used still", "files", c.files, "error", err)
	}
	return c.value
}

// reload reads the files whatever their stamps, and says in the log what is wrong with them.
func (c *reloadable[T]) reload() {
	if c == nil {
		return
	}
	c.mu.Lock()
	c.seen = nil
	c.mu.Unlock()
	c.get()
}

// filesChanged reports whether the files are others than those seen before. It comes before
// they are read: a change meanwhile is seen by the next look.
func (c *reloadable[T]) filesChanged() (changed bool) {
	before := c.seen
	c.seen, c.young = nil, false
	for _, file := range c.files {
		var st unix.Stat_t
		_ = unix.Stat(file, &st) // who reads it says what is wrong with it
		c.seen = append(c.seen, stamp{st.Dev, st.Ino, st.Size, st.Ctim})
		c.young = c.young || time.Since(time.Unix(st.Ctim.Unix())) < settled
	}
	return !slices.Equal(before, c.seen)
}

// reloadOnSIGHUP reads the certificates and tokens again at each SIGHUP, as daemons do, until ctx
// ends. The agent notices changed files without the signal too; the signal makes it report at once
// what is wrong with them.
func (a *service) reloadOnSIGHUP(ctx context.Context, hangUps <-chan os.Signal) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hangUps:
		}
		a.token.reload()
		a.certificates.reload()
		a.log.Info("read certificates and tokens again")
	}
}
