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

// A Store is an image store on disk. It is safe for concurrent use, also by
// several processes.
type Store struct {
	root string

	ready sync.Mutex // guards made
	made  bool
}

// directories are made, in this order, before the first write.
var directories = []string{"", "locks", "blobs", "layers", "refs", "leases", "tmp"}

// New returns the store at root. It touches no file: directories are made by
// the first call that writes.
func New(root string) *Store { return &Store{root: root} }

// Root is the store's directory.
func (s *Store) Root() string { return s.root }

// Shared takes the store's lock as provisioning does: nothing is removed while
// it is held, so that what was found stays until a lease holds it.
func (s *Store) Shared(ctx context.Context) (*flock.Lock, error) {
	return s.locked(func(path string) (*flock.Lock, error) { return flock.Shared(ctx, path) })
}

// exclusive takes the store's lock for removal; it waits for all provisioning.
func (s *Store) exclusive(ctx context.Context) (*flock.Lock, error) {
	return s.locked(func(path string) (*flock.Lock, error) { return flock.Exclusive(ctx, path) })
}

func (s *Store) locked(take func(string) (*flock.Lock, error)) (*flock.Lock, error) {
	lock, err := take(s.path("lock"))
	if !errors.Is(err, os.ErrNotExist) {
		return lock, err
	}
	if err := s.prepare(); err != nil {
		return nil, err
	}
	return take(s.path("lock"))
}

// prepare makes the store's directories, once.
func (s *Store) prepare() error {
	s.ready.Lock()
	defer s.ready.Unlock()
	if s.made {
		return nil
	}
	for _, d := range directories {
		if err := os.MkdirAll(s.path(d), 0o700); err != nil {
			return fmt.Errorf("make image store: %w", err)
		}
	}
	s.made = true
	return atomicfile.SyncDir(s.root)
}

// lockObject waits for the lock of one blob or layer.
func (s *Store) lockObject(ctx context.Context, name string) (*flock.Lock, error) {
	if err := s.prepare(); err != nil {
		return nil, err
	}
	return flock.Exclusive(ctx, s.path("locks", name))
}

// TempDir makes a directory for work in progress. The caller removes it; what
// a killed caller leaves, Sweep removes.
func (s *Store) TempDir(kind string) (string, error) {
	if err := s.prepare(); err != nil {
		return "", err
	}
	return os.MkdirTemp(s.path("tmp"), kind+"-")
}

// Temp is the directory for work in progress, made if need be.
func (s *Store) Temp() (string, error) { return s.path("tmp"), s.prepare() }

func (s *Store) path(parts ...string) string {
	return filepath.Join(append([]string{s.root}, parts...)...)
}
