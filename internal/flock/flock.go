// Package flock takes advisory locks on files (flock(2)): the kernel frees them
// when their holder dies, so a lock never outlives its owner.
//
// On disk: an empty file per lock. A lock file may be removed by its holder;
// a process that waited for it notices, and starts again on the new file.
package flock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// ErrHeld is returned by the Try functions when another process, or another
// part of this one, holds the lock.
var ErrHeld = errors.New("lock is held")

// A Lock is a held lock. Its file descriptor is close-on-exec: no child inherits it.
type Lock struct{ f *os.File }

// Exclusive waits until it holds path's lock for itself alone or ctx ends.
func Exclusive(ctx context.Context, path string) (*Lock, error) { return wait(ctx, path, unix.LOCK_EX) }

// Existing is Exclusive of a file that is there: none is made.
func Existing(ctx context.Context, path string) (*Lock, error) {
	return poll(ctx, path, func() (*Lock, error) { return tryOpened(path, unix.LOCK_EX, os.O_RDWR) })
}

// Shared waits until it holds path's lock together with other Shared holders.
func Shared(ctx context.Context, path string) (*Lock, error) { return wait(ctx, path, unix.LOCK_SH) }

// TryExclusive takes path's lock or returns ErrHeld at once.
func TryExclusive(path string) (*Lock, error) { return try(path, unix.LOCK_EX) }

// lingering is how long a lock may outlive its holder: a child has its parent's files
// from fork to exec, also when the parent is killed meanwhile.
const lingering = 2 * time.Second

// AfterDead is TryExclusive for a lock whose holder may have been killed a moment ago:
// it returns ErrHeld only for one that stays held.
func AfterDead(ctx context.Context, path string) (*Lock, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, lingering, ErrHeld)
	defer cancel()
	return wait(ctx, path, unix.LOCK_EX)
}

// Directory is AfterDead for a directory that is there: no file is made in it.
func Directory(ctx context.Context, path string) (*Lock, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, lingering, ErrHeld)
	defer cancel()
	return poll(ctx, path, func() (*Lock, error) { return tryOpened(path, unix.LOCK_EX, os.O_RDONLY|unix.O_DIRECTORY) })
}

// Held reports whether a process holds path's lock exclusively. A missing file is
// not held. It takes the lock shared for a moment.
func Held(path string) (bool, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	err = lock(f, unix.LOCK_SH|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return true, nil
	}
	return false, err
}

// Unlock frees the lock. A second call does nothing.
func (l *Lock) Unlock() error {
	if l == nil || l.f == nil {
		return nil
	}
	f := l.f
	l.f = nil
	return f.Close()
}

// Remove removes the file of an exclusive lock and frees it. A file of the same name
// that another process has made and locked since stays.
func (l *Lock) Remove() error {
	if l == nil || l.f == nil {
		return nil
	}
	var err error
	if current(l.f, l.f.Name()) {
		err = os.Remove(l.f.Name())
	}
	return errors.Join(err, l.Unlock())
}

// File is the locked file, for a child that is to inherit the lock.
func (l *Lock) File() *os.File { return l.f }

func wait(ctx context.Context, path string, how int) (*Lock, error) {
	return poll(ctx, path, func() (*Lock, error) { return try(path, how) })
}

// poll tries until no other process holds the lock, or ctx ends.
func poll(ctx context.Context, path string, try func() (*Lock, error)) (*Lock, error) {
	for delay := 200 * time.Microsecond; ; delay = min(2*delay, 20*time.Millisecond) {
		l, err := try()
		if !errors.Is(err, ErrHeld) {
			return l, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for lock %s: %w", path, context.Cause(ctx))
		case <-time.After(delay):
		}
	}
}

func try(path string, how int) (*Lock, error) { return tryOpened(path, how, os.O_RDWR|os.O_CREATE) }

func tryOpened(path string, how, flags int) (*Lock, error) {
	for range replaced {
		f, err := os.OpenFile(path, flags|unix.O_CLOEXEC, 0o600)
		if err != nil {
			return nil, err
		}
		if err := lock(f, how|unix.LOCK_NB); err != nil {
			_ = f.Close()
			if errors.Is(err, unix.EWOULDBLOCK) {
				err = ErrHeld
			}
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if current(f, path) {
			return &Lock{f}, nil
		}
		_ = f.Close() // its holder removed the file before letting go
	}
	return nil, fmt.Errorf("lock %s: at %d looks in turn, the file was another one than the file that was locked", path,
		replaced)
}

// replaced is how often a file may be removed while it is locked before the
// filesystem is not believed any more: some give a file another number at each look.
const replaced = 1000

// current reports whether path still leads to f.
func current(f *os.File, path string) bool {
	var opened, named unix.Stat_t
	if unix.Fstat(int(f.Fd()), &opened) != nil || unix.Stat(path, &named) != nil {
		return false
	}
	return opened.Ino == named.Ino && opened.Dev == named.Dev
}

func lock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
