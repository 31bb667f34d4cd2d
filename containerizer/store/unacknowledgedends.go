package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/internal/flock"
)

// The ends that are kept for an owner that does not acknowledge them: at most this many, for at
// most this long. What exceeds that is dropped and counted.
const (
	maxEnds   = 10_000
	maxEndAge = 30 * 24 * time.Hour
)

// CommandLine is the owner whose ends are not kept: the command line shows users how a
// container exited by its records.
const CommandLine = "cli"

// An endStore is ROOT/ends/HASH: one file for each end that an owner has not acknowledged.
type endStore struct {
	dir   string
	owner string
}

// A dropped is an endStore's record of the ends that it dropped.
type dropped struct {
	Count int       `json:"count"`
	Last  time.Time `json:"last"`
}

func (s *Store) endsOf(owner string) endStore {
	return endStore{dir: filepath.Join(s.ends(), mctr.ContainerID(owner).Hash()), owner: owner}
}

// Ends returns the ends of owner's containers that it has not acknowledged.
func (s *Store) Ends(ctx context.Context, owner string) (*mctr.Ends, error) {
	ends := s.endsOf(owner)
	lock, err := ends.lock(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return &mctr.Ends{}, nil
	}
	if err != nil {
		return nil, err
	}
	defer lock.Unlock()
	return ends.read()
}

// Acknowledge removes the ends of owner with these keys. It is idempotent, and ignores
// unknown keys.
func (s *Store) Acknowledge(ctx context.Context, owner string, keys ...string) error {
	for _, key := range keys {
		if !validEnd(key) {
			return fmt.Errorf("%w: %q is not the key of an end", mctr.ErrInvalid, key)
		}
	}
	ends := s.endsOf(owner)
	lock, err := ends.lock(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer lock.Unlock()
	errs := []error{Remove(ends.dropped())}
	for _, key := range keys {
		errs = append(errs, Remove(ends.file(key)))
	}
	return errors.Join(errs...)
}

// KeepEnd keeps the end of a container that is being released, for its owner.
func (c *Container) KeepEnd(ctx context.Context) error {
	r, err := c.Record()
	if err != nil || r.Config.Owner == CommandLine {
		return nil // there is no owner to keep it for
	}
	t, err := c.Termination()
	if err != nil || t == nil {
		return nil // it did not run, or the record of its exit is damaged
	}
	e := mctr.End{Key: endKey(c.ID, t), ID: c.ID, Name: r.Config.Name, Labels: r.Config.Labels, Termination: t}
	if err := c.store.endsOf(r.Config.Owner).add(ctx, e, !r.Config.Remove); err != nil {
		return fmt.Errorf("keep the end for %q: %w", r.Config.Owner, err)
	}
	return nil
}

// KeepEndOnce is KeepEnd, once for each release: an end that the owner has acknowledged does
// not come back when a release that was cut off after this point is repeated.
func (c *Container) KeepEndOnce(ctx context.Context) error {
	reached, err := c.Journal().Read()
	if err != nil || slices.ContainsFunc(reached, func(t mctr.Timing) bool { return t.Checkpoint == Kept }) {
		return err
	}
	if err := c.KeepEnd(ctx); err != nil {
		return err
	}
	return c.Journal().Reach(Kept)
}

// endKey returns the key of an end. Keys sort in the order of the ends.
func endKey(id mctr.ContainerID, t *mctr.Termination) string {
	return fmt.Sprintf("%019d-%s", t.Finished.UnixNano(), id)
}

func validEnd(key string) bool {
	at, id, ok := strings.Cut(key, "-")
	return ok && len(at) == 19 && strings.Trim(at, "0123456789") == "" && mctr.ContainerID(id).Validate() == nil
}

func (s endStore) file(key string) string { return filepath.Join(s.dir, key+".json") }
func (s endStore) dropped() string        { return filepath.Join(s.dir, "dropped.json") }

func (s endStore) lock(ctx context.Context) (*flock.Lock, error) {
	return flock.Exclusive(ctx, filepath.Join(s.dir, "lock"))
}

// add keeps an end. It is durable unless the container's records are removed with it, which
// are not durable either.
func (s endStore) add(ctx context.Context, e mctr.End, durable bool) error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	lock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	if err := s.makeRoom(); err != nil {
		return err
	}
	if durable {
		return atomicfile.WriteDurableJSON(s.file(e.Key), e)
	}
	return atomicfile.WriteJSON(s.file(e.Key), e)
}

// keys returns the keys of the ends, the oldest first.
func (s endStore) keys() (keys []string, err error) {
	entries, err := os.ReadDir(s.dir)
	for _, e := range entries {
		if key, ok := strings.CutSuffix(e.Name(), ".json"); ok && validEnd(key) {
			keys = append(keys, key)
		}
	}
	return keys, err // ReadDir sorts
}

// makeRoom drops ends that are too old, and the oldest if there would be too many.
func (s endStore) makeRoom() error {
	keys, err := s.keys()
	if err != nil {
		return err
	}
	oldest := fmt.Sprintf("%019d", time.Now().Add(-maxEndAge).UnixNano())
	n := max(0, len(keys)-(maxEnds-1))
	for n < len(keys) && keys[n] < oldest {
		n++
	}
	if n == 0 {
		return nil
	}
	d, err := s.readDropped()
	if err != nil {
		return err
	}
	d.Count, d.Last = d.Count+n, time.Now().UTC()
	errs := []error{atomicfile.WriteDurableJSON(s.dropped(), d)}
	for _, key := range keys[:n] {
		errs = append(errs, Remove(s.file(key)))
	}
	return errors.Join(errs...)
}

func (s endStore) readDropped() (d dropped, err error) {
	err = atomicfile.ReadJSON(s.dropped(), &d)
	if errors.Is(err, fs.ErrNotExist) {
		return d, nil
	}
	return d, err
}

// read returns all ends. An end that cannot be read counts as dropped.
func (s endStore) read() (*mctr.Ends, error) {
	keys, err := s.keys()
	if err != nil {
		return nil, err
	}
	d, err := s.readDropped()
	found := &mctr.Ends{Ends: []mctr.End{}, Dropped: d.Count, DroppedLast: d.Last}
	if err != nil {
		found.Dropped++
	}
	for _, key := range keys {
		e := mctr.End{}
		if err := atomicfile.ReadJSON(s.file(key), &e); err != nil || e.Termination == nil {
			found.Dropped++
			continue
		}
		e.Key = key
		found.Ends = append(found.Ends, e)
	}
	return found, nil
}
