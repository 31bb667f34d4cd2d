// Package flock acquires advisory locks on files (flock(2)). The kernel releases them when their
// holder dies, so that a lock never outlives its owner.
//
// On disk: an empty file for each lock. The holder may remove the lock file; a process that waited
// for it notices and locks the new file instead.
package flock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// ErrHeld is returned by the Try functions if another process, or another part of this process,
// holds the lock.
var ErrHeld = errors.New("lock is held")

// A Lock is a held lock. Its file descriptor is close-on-exec, so that children do not inherit it.
type Lock struct{ f *os.File }

// Exclusive waits until it holds path's lock exclusively, or until ctx ends.
func Exclusive(ctx context.Context, path string) (*Lock, error) { return wait(ctx, path, unix.LOCK_EX) }

// Existing is Exclusive for an existing file; it does not make the file.
func Existing(ctx context.Context, path string) (*Lock, error) {
	return poll(ctx, path, func() (*Lock, error) { return tryOpened(path, unix.LOCK_EX, os.O_RDWR) })
}

// Shared waits until it holds path's lock, shared with other callers of Shared, or until ctx ends.
func Shared(ctx context.Context, path string) (*Lock, error) { return wait(ctx, path, unix.LOCK_SH) }

// TryExclusive acquires path's lock exclusively or returns ErrHeld at once.
func TryExclusive(path string) (*Lock, error) { return try(path, unix.LOCK_EX) }

// lingering is how long a lock may outlive its holder: a child has its parent's files from fork to
// exec, even if the parent is killed meanwhile.
const lingering = 2 * time.Second

// AfterDead is TryExclusive for a lock whose holder may have been killed a moment ago: it returns
// ErrHeld only if the lock remains held.
func AfterDead(ctx context.Context, path string) (*Lock, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, lingering, ErrHeld)
	defer cancel()
	return wait(ctx, path, unix.LOCK_EX)
}

// Directory is AfterDead for the lock on an existing directory itself; no file is made.
func Directory(ctx context.Context, path string) (*Lock, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, lingering, ErrHeld)
	defer cancel()
	return poll(ctx, path, func() (*Lock, error) { return tryOpened(path, unix.LOCK_EX, os.O_RDONLY|unix.O_DIRECTORY) })
}

// Held returns true if a process holds path's lock exclusively, and false if the file does not
// exist. It acquires the lock shared for a moment.
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

// Unlock releases the lock. A second call does nothing.
func (l *Lock) Unlock() {
	if l == nil || l.f == nil {
		return
	}
	_ = l.f.Close() // the kernel frees the lock in any case, and nothing was written
	l.f = nil
}

// Remove removes the file of an exclusive lock and releases the lock. It does not remove a new file
// of the same name that another process has made and locked meanwhile.
func (l *Lock) Remove() error {
	if l == nil || l.f == nil {
		return nil
	}
	var err error
	if current(l.f, l.f.Name()) {
		err = os.Remove(l.f.Name())
	}
	l.Unlock()
	return err
}

// File returns the locked file, for a child that has to inherit the lock.
func (l *Lock) File() *os.File { return l.f }

func wait(ctx context.Context, path string, how int) (*Lock, error) {
	return poll(ctx, path, func() (*Lock, error) { return try(path, how) })
}

// poll calls try until no other process holds the lock, or ctx ends.
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
		_ = f.Close() // the holder removed the file before it released the lock
	}
	return nil, fmt.Errorf("lock %s: the file was replaced %d times while it was being locked", path, replaced)
}

// replaced is how often a file may be replaced while it is being locked before the filesystem is
// blamed: some filesystems return a different inode number each time.
const replaced = 1000

// current returns true if path still names f.
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
