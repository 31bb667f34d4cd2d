package quota

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/failpoint"
	"github.com/mctr/mctr/internal/tree"
)

// Requests of ioctl(2), of linux/btrfs.h.
const (
	snapCreate     = 0x50009401
	snapCreateV2   = 0x50009417
	subvolCreate   = 0x5000940e
	subvolCreateV2 = 0x50009418
	snapDestroy    = 0x5000940f
	inoLookup      = 0xd0009412
	fsInfo         = 0x8400941f
	quotaCtl       = 0xc0109428
	qgroupCreate   = 0x4010942a
	qgroupLimit    = 0x8030942b
)

// volArgs is struct btrfs_ioctl_vol_args.
type volArgs struct {
	fd   int64
	name [4088]byte
}

// firstFree is BTRFS_FIRST_FREE_OBJECTID: the inode number of the root of each subvolume.
const firstFree = 256

// btrfs limits a subvolume by its qgroup, 0/ID (btrfs-qgroup(8)).
type btrfs struct{ *Store }

func (b btrfs) make(ctx context.Context, r *Record) error {
	if r.Limits.Inodes != 0 {
		return errNoInodes
	}
	above, err := os.Open(filepath.Dir(r.Dir))
	if err != nil {
		return err
	}
	defer above.Close()
	if err := enableQuota(above); err != nil {
		return err
	}
	if err := b.subvolume(above, r); err != nil {
		return err
	}
	if err := failpoint.Hit("quota/dir"); err != nil {
		return err
	}
	return b.change(ctx, r)
}

var errNoInodes = &mctr.UnsupportedError{Feature: "a limit of inodes", Why: "btrfs does not count them",
	Remedy: "limit bytes only, or use loop"}

// enableQuota enables quotas if they are off, which [Store.Means] has found permitted.
func enableQuota(dir *os.File) error {
	if qgroups(dir) == nil {
		return nil
	}
	enable := [2]uint64{1, 0} // BTRFS_QUOTA_CTL_ENABLE
	if err := ioctl(dir, quotaCtl, unsafe.Pointer(&enable)); err != nil {
		return fmt.Errorf("enable quotas: %w", err)
	}
	return nil
}

// subvolume makes the directory, which is in above, a subvolume, unless it is ours.
func (b btrfs) subvolume(above *os.File, r *Record) error {
	var st unix.Stat_t
	err := unix.Lstat(r.Dir, &st)
	switch {
	case errors.Is(err, unix.ENOENT):
		st.Mode = 0o700
	case err != nil:
		return err
	case st.Ino == firstFree && !r.Adopted:
		r.Subvolume, err = subvolumeOf(r.Dir)
		return errors.Join(err, b.save(r)) // made before a kill
	case st.Ino == firstFree && r.Subvolume != 0:
		return nil
	default:
		if err := unix.Rmdir(r.Dir); err != nil {
			return fmt.Errorf("replace the directory by a subvolume: %w", err)
		}
	}
	if err := subvolumeIoctl(above, subvolCreate, filepath.Base(r.Dir)); err != nil {
		return fmt.Errorf("make a subvolume: %w", err)
	}
	if err := failpoint.Hit("quota/subvolume"); err != nil {
		return err
	}
	if r.Subvolume, err = subvolumeOf(r.Dir); err != nil {
		return err
	}
	return errors.Join(b.save(r), unix.Chown(r.Dir, int(st.Uid), int(st.Gid)), unix.Chmod(r.Dir, st.Mode&0o7777))
}

func subvolumeIoctl(above *os.File, request uint, name string) error {
	var args volArgs
	copy(args.name[:len(args.name)-1], name)
	return ioctl(above, request, unsafe.Pointer(&args))
}

// subvolumeOf returns the id of the subvolume that dir is in.
func subvolumeOf(dir string) (uint64, error) {
	f, err := openDir(dir)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	args := struct {
		tree, object uint64
		name         [4080]byte
	}{object: firstFree}
	if err := ioctl(f, inoLookup, unsafe.Pointer(&args)); err != nil {
		return 0, fmt.Errorf("look up the subvolume of %s: %w", dir, err)
	}
	return args.tree, nil
}

func (b btrfs) check(ctx context.Context, r *Record, to Limits) error {
	if to.Inodes != 0 {
		return errNoInodes
	}
	dir, err := os.Open(r.Dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := unix.Syncfs(int(dir.Fd())); err != nil { // the kernel counts when it commits
		return os.NewSyscallError("syncfs", err)
	}
	used, err := b.usage(ctx, r)
	if err != nil {
		return err
	}
	return to.fits(used)
}

func (b btrfs) change(_ context.Context, r *Record) error {
	dir, err := os.Open(r.Dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	const maxReferenced = 1 // BTRFS_QGROUP_LIMIT_MAX_RFER
	args := struct{ id, flags, referenced, exclusive, _, _ uint64 }{
		id: r.Subvolume, flags: maxReferenced, referenced: uint64(r.Limits.Bytes / block * block),
	}
	if err := ioctl(dir, qgroupLimit, unsafe.Pointer(&args)); err != nil {
		return fmt.Errorf("limit qgroup 0/%d to %s: %w", r.Subvolume, r.Limits, err)
	}
	return nil
}

// usage is as of the last commit of the filesystem, which is at most 30 seconds old by default.
func (b btrfs) usage(_ context.Context, r *Record) (u Usage, err error) {
	above, err := os.Open(filepath.Dir(r.Dir))
	if err != nil {
		return Usage{}, err
	}
	defer above.Close()
	dir, err := qgroupsDir(above)
	if err != nil {
		return Usage{}, err
	}
	for name, to := range map[string]*int64{"referenced": &u.Bytes, "max_referenced": &u.Limits.Bytes} {
		text, err := os.ReadFile(fmt.Sprintf("%s/0_%d/%s", dir, r.Subvolume, name))
		if err != nil {
			return Usage{}, err
		}
		if *to, err = strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err != nil {
			return Usage{}, fmt.Errorf("qgroup 0/%d: %s: %w", r.Subvolume, name, err)
		}
	}
	return u, nil
}

func (b btrfs) remove(_ context.Context, r *Record, _ bool) error {
	above, err := os.Open(filepath.Dir(r.Dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer above.Close()
	if err := removeSubvolume(above, r); err != nil {
		return err
	}
	if err := failpoint.Hit("quota/data"); err != nil {
		return err
	}
	if r.Subvolume == 0 {
		return nil
	}
	// The kernel, since Linux 6.10, removes the qgroup when it has removed the data, and returns
	// EBUSY before.
	remove := [2]uint64{0, r.Subvolume}
	err = ioctl(above, qgroupCreate, unsafe.Pointer(&remove))
	if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EBUSY) &&
		!errors.Is(err, unix.ENOTCONN) { // quotas were disabled
		return fmt.Errorf("remove qgroup 0/%d: %w", r.Subvolume, err)
	}
	return failpoint.Hit("quota/unlimited")
}

// removeSubvolume removes the directory. A container may have made subvolumes in it, which have to
// be removed before it.
func removeSubvolume(above *os.File, r *Record) error {
	if r.Subvolume == 0 {
		return nil
	}
	err := subvolumeIoctl(above, snapDestroy, filepath.Base(r.Dir))
	if errors.Is(err, unix.ENOTEMPTY) {
		return tree.Remove(r.Dir)
	}
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("remove the subvolume: %w", err)
	}
	return nil
}

// release verifies the subvolume's id, because another one may have been moved to the place of the
// limited one. A kill may have come before the id was recorded. Then an adopted directory is left as
// it is: it is empty, and without a limit.
func (b btrfs) release(_ context.Context, r *Record) error {
	var st unix.Stat_t
	if err := unix.Lstat(r.Dir, &st); errors.Is(err, unix.ENOENT) || r.Adopted && r.Subvolume == 0 {
		return nil
	} else if err != nil {
		return err
	}
	if st.Ino != firstFree {
		return fmt.Errorf("%w: it is not the subvolume that was limited", mctr.ErrState)
	}
	id, err := subvolumeOf(r.Dir)
	if err != nil {
		return err
	}
	if r.Subvolume == 0 {
		r.Subvolume = id
	}
	if id != r.Subvolume {
		return fmt.Errorf("%w: it is subvolume %d, not %d that was limited", mctr.ErrState, id, r.Subvolume)
	}
	return nil
}

// qgroupsPossible returns an error unless the quotas of dir's filesystem are on or may be enabled.
func (s *Store) qgroupsPossible(dir *os.File) error {
	if err := qgroups(dir); err != nil && !s.EnableQuota {
		return fmt.Errorf("%w (btrfs quota enable %s)", err, s.Dir)
	}
	return nil
}

// qgroups returns an error if quotas of dir's filesystem are off.
func qgroups(dir *os.File) error {
	path, err := qgroupsDir(dir)
	if err != nil {
		return err
	}
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("quotas are off: %w", err)
	}
	return nil
}

// qgroupsDir returns the directory of sysfs with a directory for each qgroup (Linux 5.9).
func qgroupsDir(dir *os.File) (string, error) {
	var info struct {
		_    [2]uint64
		id   [16]byte
		rest [1024 - 32]byte
	}
	if err := ioctl(dir, fsInfo, unsafe.Pointer(&info)); err != nil {
		return "", fmt.Errorf("read the filesystem's UUID: %w", err)
	}
	id := info.id
	return fmt.Sprintf("/sys/fs/btrfs/%x-%x-%x-%x-%x/qgroups", id[:4], id[4:6], id[6:8], id[8:10], id[10:]), nil
}
