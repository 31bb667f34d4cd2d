package containerizer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/internal/flock"
)

// What is kept for an owner that does not acknowledge its containers' ends: so many, so
// long. What goes beyond is counted.
const (
	maxEnds   = 10_000
	maxEndAge = 30 * 24 * time.Hour
)

// commandLine is the owner whose ends are not kept: the command line tells how a
// container ended from its records, to the user who asks.
const commandLine = "cli"

// An endStore is ROOT/ends/HASH: what an owner has not acknowledged, a file for each end.
type endStore struct {
	dir   string
	owner string
}

// A dropped is an endStore's record of what it did not keep.
type dropped struct {
	Count int       `json:"count"`
	Last  time.Time `json:"last"`
}

func (c *Containerizer) endsOf(owner string) endStore {
	return endStore{dir: filepath.Join(c.paths.ends(), mctr.ContainerID(owner).Hash()), owner: owner}
}

// Ends are those of this owner's containers that it has not acknowledged; another process
// may have released or removed the containers. At most 10,000 are kept. One that is older
// than 30 days goes when the next is kept.
func (c *Containerizer) Ends(ctx context.Context) (*mctr.Ends, error) {
	s := c.endsOf(c.owner)
	lock, err := s.lock(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return &mctr.Ends{}, nil
	}
	if err != nil {
		return nil, err
	}
	defer lock.Unlock() // closing a lock file cannot fail usefully
	return s.read()
}

// Acknowledge says that this owner has written down the ends with these keys: they are
// not reported again. It is idempotent; an unknown key is none of its errors.
func (c *Containerizer) Acknowledge(ctx context.Context, keys ...string) error {
	for _, key := range keys {
		if !validEnd(key) {
			return fmt.Errorf("%w: %q is not the key of an end", mctr.ErrInvalid, key)
		}
	}
	s := c.endsOf(c.owner)
	lock, err := s.lock(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer lock.Unlock() // closing a lock file cannot fail usefully
	errs := []error{remove(s.dropped())}
	for _, key := range keys {
		errs = append(errs, remove(s.file(key)))
	}
	return errors.Join(errs...)
}

func remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// keepEnd keeps the end of a container that is being released for the container's owner.
func (c *Containerizer) keepEnd(ctx context.Context, id mctr.ContainerID) error {
	r, err := c.load(id)
	if err != nil || r.Config.Owner == commandLine {
		return nil // an owner that cannot be read cannot be told
	}
	t, err := c.termination(id)
	if err != nil || t == nil {
		return nil // it did not run, or its record is damaged
	}
	e := mctr.End{Key: endKey(id, t), ID: id, Name: r.Config.Name, Labels: r.Config.Labels, Termination: t}
	if err := c.endsOf(r.Config.Owner).add(ctx, e, !r.Config.Remove); err != nil {
		return fmt.Errorf("keep the end for %q: %w", r.Config.Owner, err)
	}
	return nil
}

// endKey sorts as the ends happened.
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

// add keeps an end; durably unless the container's own records go with it, which are not
// durable either.
func (s endStore) add(ctx context.Context, e mctr.End, durable bool) error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	lock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer lock.Unlock() // closing a lock file cannot fail usefully
	if err := s.makeRoom(); err != nil {
		return err
	}
	if durable {
		return atomicfile.WriteDurableJSON(s.file(e.Key), e)
	}
	return atomicfile.WriteJSON(s.file(e.Key), e)
}

// keys are those of the ends, the oldest first.
func (s endStore) keys() (keys []string, err error) {
	entries, err := os.ReadDir(s.dir)
	for _, e := range entries {
		if key, ok := strings.CutSuffix(e.Name(), ".json"); ok && validEnd(key) {
			keys = append(keys, key)
		}
	}
	return keys, err // ReadDir sorts
}

// makeRoom drops what is too old, and the oldest where one more would be too many.
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
		errs = append(errs, remove(s.file(key)))
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

// read gives all that is kept. One that cannot be read counts as dropped.
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
