package quota

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/dirs"
	"github.com/mctr/mctr/internal/failpoint"
	"github.com/mctr/mctr/internal/tree"
)

// project limits directories by project quotas of ext4 or XFS.
type project struct{ *Store }

// make sets the limits before it gives the id to the directory: no file has the id without limits.
func (p project) make(ctx context.Context, r *Record) error {
	if err := makeDir(r.Dir); err != nil {
		return err
	}
	if err := failpoint.Hit("quota/dir"); err != nil {
		return err
	}
	if err := p.change(ctx, r); err != nil {
		return err
	}
	if err := failpoint.Hit("quota/limits"); err != nil {
		return err
	}
	if err := assign(ctx, r.Dir, 0, r.ID); err != nil {
		return err
	}
	if err := failpoint.Hit("quota/assigned"); err != nil {
		return err
	}
	return p.check(ctx, r, r.Limits) // an adopted directory may exceed them
}

func (p project) check(ctx context.Context, r *Record, to Limits) error {
	used, err := p.usage(ctx, r)
	if err != nil {
		return err
	}
	return to.fits(used)
}

func (p project) change(_ context.Context, r *Record) error {
	dir, err := os.Open(r.Dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := enforced(dir); err != nil {
		return unsupported(r.Means, p.Dir, err)
	}
	return limitProject(dir, r.ID, r.Limits)
}

func (p project) usage(_ context.Context, r *Record) (Usage, error) {
	dir, err := os.Open(r.Dir)
	if err != nil {
		return Usage{}, err
	}
	defer dir.Close()
	if err := enforced(dir); err != nil {
		return Usage{}, unsupported(r.Means, p.Dir, err)
	}
	return projectUsage(dir, r.ID)
}

func (p project) remove(ctx context.Context, r *Record, keep bool) error {
	var err error
	if keep {
		err = assign(ctx, r.Dir, r.ID, 0)
	} else {
		err = tree.Remove(r.Dir)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := failpoint.Hit("quota/data"); err != nil {
		return err
	}
	dir, err := os.Open(p.Dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := waitUnused(ctx, dir, r.ID); err != nil {
		return err
	}
	if err := limitProject(dir, r.ID, Limits{}); err != nil {
		return err
	}
	return failpoint.Hit("quota/unlimited")
}

// release verifies the id, because another directory may have been moved to the place of the limited
// one. A Make that was interrupted may not have assigned it.
func (p project) release(_ context.Context, r *Record) error {
	dir, err := openDir(r.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	attr, err := getXAttr(dir)
	if err != nil {
		return err
	}
	if attr.project != r.ID && (attr.project != 0 || r.State != Making) {
		return fmt.Errorf("%w: it has project id %d, want %d: it is not the directory that was limited", mctr.ErrState,
			attr.project, r.ID)
	}
	return nil
}

// unusedWait limits the wait for the kernel to free deleted inodes, which XFS does in the
// background.
const unusedWait = 5 * time.Second

// waitUnused waits until no file has the project's id. A file that was deleted has it as long as a
// process has the file open.
func waitUnused(ctx context.Context, dir *os.File, id uint32) error {
	ctx, cancel := context.WithTimeout(ctx, unusedWait)
	defer cancel()
	for delay := time.Millisecond; ; delay = min(2*delay, 100*time.Millisecond) {
		used, err := projectUsage(dir, id)
		if err != nil {
			return err
		}
		if used.Bytes == 0 && used.Inodes == 0 {
			return nil
		}
		var st unix.Statfs_t
		_ = unix.Fstatfs(int(dir.Fd()), &st) // XFS hurries then
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %d bytes and %d inodes of project %d remain in use (a process has deleted files "+
				"open: remove again after it has exited)", mctr.ErrState, used.Bytes, used.Inodes, id)
		case <-time.After(delay):
		}
	}
}

// makeDir makes dir, of root alone, unless it exists.
func makeDir(dir string) error {
	if err := dirs.Make(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// openDir opens a directory, but no symbolic link to one.
func openDir(dir string) (*os.File, error) {
	return os.OpenFile(dir, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
}
