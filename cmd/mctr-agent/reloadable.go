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

// A reloadable value is read from files, and read again when a file has changed. If the new files are
// not valid, the error is logged once per change, and the old value stays in use.
type reloadable[T any] struct {
	read  func() (T, error)
	files []string
	log   *slog.Logger

	mu    sync.Mutex
	value T
	seen  []stamp
	young bool // the files may have changed again without a new stamp
}

// A stamp identifies the content and permissions of a file, to detect changes.
type stamp struct {
	device, inode uint64
	size          int64
	changed       unix.Timespec // last change of content or permissions
}

// settled is longer than the resolution of a filesystem's timestamps.
const settled = 2 * time.Second

// newReloadable reads the value for the first time. It fails if the files are not valid.
func newReloadable[T any](log slog.Handler, read func() (T, error), files ...string) (*reloadable[T], error) {
	c := &reloadable[T]{read: read, log: slog.New(log),
		files: slices.DeleteFunc(files, func(f string) bool { return f == "" })}
	c.filesChanged()
	var err error
	c.value, err = read()
	return c, err
}

// get returns the current value. It reads the files again if they have changed.
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
		c.log.Error("the changed files are not valid: using their previous content", "files", c.files, "error", err)
	}
	return c.value
}

// reload reads the files again even if they have not changed, and logs an error if they are not valid.
func (c *reloadable[T]) reload() {
	if c == nil {
		return
	}
	c.mu.Lock()
	c.seen = nil
	c.mu.Unlock()
	c.get()
}

// filesChanged reports whether the files have changed since the last call. The caller calls it before
// it reads the files, so that the next call detects a change in between.
func (c *reloadable[T]) filesChanged() (changed bool) {
	before := c.seen
	c.seen, c.young = nil, false
	for _, file := range c.files {
		var st unix.Stat_t
		_ = unix.Stat(file, &st) // reading the file reports the error
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
