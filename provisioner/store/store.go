package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/internal/flock"
)

// A Store is an image store on disk. It is safe for concurrent use, including by several processes.
type Store struct{ directory }

// A directory is the store's directory on disk, with its locks.
type directory struct {
	root string

	ready sync.Mutex // guards made
	made  bool
}

// directories lists the subdirectories in the order in which the first write makes them.
var directories = []string{"", "locks", "blobs", "layers", "refs", "leases", "tmp"}

// New returns the store at root. It touches no file: the first call that writes makes the
// directories.
func New(root string) *Store { return &Store{directory{root: root}} }

// Root returns the store's directory.
func (d *directory) Root() string { return d.root }

// Shared acquires the store's lock for provisioning: nothing is removed while it is held, so that
// what the caller found stays until a lease protects it.
func (d *directory) Shared(ctx context.Context) (*flock.Lock, error) {
	return d.locked(func(path string) (*flock.Lock, error) { return flock.Shared(ctx, path) })
}

// exclusive acquires the store's lock for removal; it waits for all provisioning.
func (d *directory) exclusive(ctx context.Context) (*flock.Lock, error) {
	return d.locked(func(path string) (*flock.Lock, error) { return flock.Exclusive(ctx, path) })
}

func (d *directory) locked(take func(string) (*flock.Lock, error)) (*flock.Lock, error) {
	lock, err := take(d.path("lock"))
	if !errors.Is(err, os.ErrNotExist) {
		return lock, err
	}
	if err := d.prepare(); err != nil {
		return nil, err
	}
	return take(d.path("lock"))
}

// prepare makes the store's directories, once.
func (d *directory) prepare() error {
	d.ready.Lock()
	defer d.ready.Unlock()
	if d.made {
		return nil
	}
	for _, name := range directories {
		if err := os.MkdirAll(d.path(name), 0o700); err != nil {
			return fmt.Errorf("make image store: %w", err)
		}
	}
	d.made = true
	return atomicfile.SyncDir(d.root)
}

// lockObject waits for the lock of one blob or layer.
func (d *directory) lockObject(ctx context.Context, name string) (*flock.Lock, error) {
	if err := d.prepare(); err != nil {
		return nil, err
	}
	return flock.Exclusive(ctx, d.path("locks", name))
}

// TempDir makes a directory for work in progress. The caller removes it; Sweep removes the
// directories of killed callers.
func (d *directory) TempDir(kind string) (string, error) {
	if err := d.prepare(); err != nil {
		return "", err
	}
	return os.MkdirTemp(d.path("tmp"), kind+"-")
}

// Temp returns the directory for work in progress, and makes it if necessary.
func (d *directory) Temp() (string, error) { return d.path("tmp"), d.prepare() }

func (d *directory) path(parts ...string) string {
	return filepath.Join(append([]string{d.root}, parts...)...)
}
