package quota

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/flock"
)

// reserveID chooses a free project id for r and writes the record, which makes the id r's.
func (s *Store) reserveID(ctx context.Context, r *Record) error {
	lock, err := flock.Exclusive(ctx, s.idsLock())
	if err != nil {
		return err
	}
	defer lock.Unlock()
	taken, err := s.recordedIDs()
	if err != nil {
		return err
	}
	dir, err := os.Open(s.Dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	for id := uint64(s.FirstID); id <= uint64(s.LastID); id++ {
		if taken[uint32(id)] {
			continue
		}
		used, err := projectUsage(dir, uint32(id))
		if err != nil {
			return err
		}
		if used == (Usage{}) {
			r.ID = uint32(id)
			return s.save(r)
		}
	}
	return fmt.Errorf("%w: no project id from %d to %d is free (look for leftovers, or widen the range)", mctr.ErrState,
		s.FirstID, s.LastID)
}

// recordedIDs returns the ids in records and in /etc/projects. An id in a record that cannot be read
// is not among them, but the kernel has limits for it.
func (s *Store) recordedIDs() (map[uint32]bool, error) {
	ids := map[uint32]bool{}
	records, _ := s.records() // the error is about records of other directories
	for _, r := range records {
		ids[r.ID] = true
	}
	f, err := os.Open(s.projects)
	if errors.Is(err, fs.ErrNotExist) {
		return ids, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for _, id := range parseProjects(f) {
		ids[id] = true
	}
	return ids, nil
}

// parseProjects returns the ids in a file of lines ID:PATH (projects(5)). It skips other lines, as
// xfs_quota(8) does.
func parseProjects(file io.Reader) (ids []uint32) {
	for lines := bufio.NewScanner(file); lines.Scan(); {
		text, _, ok := strings.Cut(lines.Text(), ":")
		if id, err := strconv.ParseUint(strings.TrimSpace(text), 10, 32); ok && err == nil {
			ids = append(ids, uint32(id))
		}
	}
	return ids
}

// idsLock is held from the choice of an id to the record that has it.
func (s *Store) idsLock() string { return filepath.Join(s.Records, "ids.lock") }
