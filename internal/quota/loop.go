package quota

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/failpoint"
)

// loop limits a directory by the size of a filesystem that is mounted there.
type loop struct{ *Store }

// imageOf returns the file with the filesystem of dir.
func imageOf(dir string) string { return dir + ".img" }

// minImage leaves space for the journal and the tables.
const minImage = 8 << 20

// loopPossible returns an error that says what this host lacks.
func (s *Store) loopPossible() error {
	if s.Helper == nil {
		return errors.New("no helper that mounts (set Config.Helper)")
	}
	if _, err := os.Stat("/dev/loop-control"); err != nil {
		return fmt.Errorf("the kernel has no loop devices: %w", err)
	}
	_, err := program("mkfs.ext4")
	return err
}

func (l loop) make(ctx context.Context, r *Record) error {
	if r.Limits.Bytes < minImage {
		return fmt.Errorf("%w: limit of %d bytes: loop wants at least %d", mctr.ErrInvalid, r.Limits.Bytes, minImage)
	}
	if err := makeDir(r.Dir); err != nil {
		return err
	}
	if err := wantEmpty(r.Dir); err != nil {
		return err
	}
	if err := failpoint.Hit("quota/dir"); err != nil {
		return err
	}
	if err := waitDetached(ctx, imageOf(r.Dir)); err != nil {
		return err
	}
	if err := makeImage(r); err != nil {
		return err
	}
	if err := failpoint.Hit("quota/image"); err != nil {
		return err
	}
	if err := makeFilesystem(ctx, r); err != nil {
		return err
	}
	return failpoint.Hit("quota/filesystem")
}

func wantEmpty(dir string) error {
	entries, err := os.ReadDir(dir)
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("%w: it is not empty, and its content would be hidden by a mount", mctr.ErrState)
	}
	return err
}

// makeImage makes an empty image. The record proves that an existing one is ours: see [Store.Make].
func makeImage(r *Record) error {
	f, err := os.OpenFile(imageOf(r.Dir), os.O_WRONLY|os.O_CREATE|os.O_TRUNC|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(imageSize(r.Limits)), f.Close())
}

func imageSize(l Limits) int64 { return l.Bytes / block * block }

// makeFilesystem makes the filesystem, without lost+found, which a container does not expect.
// Unwritten blocks of a new file are zero: mkfs need not write them (assume_storage_prezeroed, of
// e2fsprogs 1.47).
func makeFilesystem(ctx context.Context, r *Record) error {
	args := []string{"-q", "-F", "-b", strconv.Itoa(block), "-m", "0",
		"-E", "nodiscard,assume_storage_prezeroed=1,root_owner=0:0"}
	if r.Limits.Inodes != 0 {
		args = append(args, "-N", strconv.FormatInt(r.Limits.Inodes+reservedInodes, 10))
	}
	if err := r.run(ctx, nil, "mkfs.ext4", append(args, imageOf(r.Dir))...); err != nil {
		return err
	}
	return r.run(ctx, nil, "debugfs", "-w", "-R", "rmdir lost+found", imageOf(r.Dir))
}

// checkFilesystem replays the journal, and repairs what can be repaired without a decision. It does not
// check a filesystem that is marked clean: such a check makes lost+found, for which a full filesystem
// has no space.
func checkFilesystem(ctx context.Context, r *Record) error {
	repaired := []int{1}
	if err := r.run(ctx, repaired, "e2fsck", "-p", imageOf(r.Dir)); err != nil {
		return fmt.Errorf("%w (its data are as they were: repair it with e2fsck, or remove the directory)", err)
	}
	return nil
}

func (l loop) usage(_ context.Context, r *Record) (Usage, error) {
	mounted, err := mountedAt(r.Dir)
	if err != nil {
		return Usage{}, err
	}
	if !mounted {
		sb, err := readSuperblock(imageOf(r.Dir))
		return sb.usage(), err
	}
	var st unix.Statfs_t
	if err := unix.Statfs(r.Dir, &st); err != nil { // counters in memory: it does not wait for the disk
		return Usage{}, &fs.PathError{Op: "statfs", Path: r.Dir, Err: err}
	}
	return superblock{st.Blocks, st.Bfree, uint32(st.Files), uint32(st.Ffree)}.usage(), nil
}

func (l loop) release(ctx context.Context, r *Record) error {
	if err := l.unmount(ctx, r); err != nil {
		return err
	}
	return waitDetached(ctx, imageOf(r.Dir))
}

func (l loop) remove(_ context.Context, r *Record, keep bool) error {
	image := imageOf(r.Dir)
	for _, path := range []string{image + ".new", image} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := failpoint.Hit("quota/data"); err != nil {
		return err
	}
	if keep {
		return nil
	}
	if err := os.Remove(r.Dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err // for instance files that were written while nothing was mounted
	}
	return nil
}
