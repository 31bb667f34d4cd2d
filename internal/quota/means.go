package quota

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
)

// Means is how limits are enforced.
type Means string

// The means. Ext4 and XFS are project quotas (quotactl(2)), Btrfs is a qgroup (btrfs-quota(8)), and
// Loop is an ext4 filesystem in a sparse file, for all other filesystems.
const (
	Ext4  Means = "ext4"
	XFS   Means = "xfs"
	Btrfs Means = "btrfs"
	Loop  Means = "loop"
)

// A limiter makes limited directories by one means. Each method may be called again after a kill at
// any point, and then continues.
type limiter interface {
	// make makes the directory and its limits. If it exists, r.Adopted is set.
	make(ctx context.Context, r *Record) error
	// check returns an error if the limits cannot be changed to limits that are valid for make.
	check(ctx context.Context, r *Record, to Limits) error
	// change enforces r.Limits, which were changed.
	change(ctx context.Context, r *Record) error
	usage(ctx context.Context, r *Record) (Usage, error)
	// release makes the directory ready to be removed. It returns an error if it is in use, or if it
	// is not the directory that was limited; then nothing was changed.
	release(ctx context.Context, r *Record) error
	// remove removes the limits, and also the directory unless keep is set. Then its content becomes
	// unlimited.
	remove(ctx context.Context, r *Record, keep bool) error
}

func (s *Store) limiter(m Means) (limiter, error) {
	switch m {
	case Ext4, XFS:
		return project{s}, nil
	case Btrfs:
		return btrfs{s}, nil
	case Loop:
		return loop{s}, nil
	}
	return nil, fmt.Errorf("%w: means %q: want %s, %s, %s or %s", mctr.ErrInvalid, m, Ext4, XFS, Btrfs, Loop)
}

// Escapes returns the requests of ioctl(2) by which a process in the initial user namespace, without
// any capability, can write more than the limit, for a rule of seccomp(2) (see the package's
// comment). The numbers are those of x86, arm64 and riscv64.
func (m Means) Escapes() []uint32 {
	switch m {
	case Ext4, XFS:
		return []uint32{fsSetXAttr, fsSetFlags}
	case Btrfs:
		return []uint32{subvolCreate, subvolCreateV2, snapCreate, snapCreateV2}
	}
	return nil
}

// Means returns Config.Means, or else the best means of the filesystem of Config.Dir. The error is
// an [mctr.UnsupportedError] that says what is missing on this host.
func (s *Store) Means(ctx context.Context) (Means, error) {
	if _, err := s.limiter(s.Config.Means); err != nil && s.Config.Means != "" {
		return "", err
	}
	dir, err := os.Open(s.Dir)
	if err != nil {
		return "", err
	}
	defer dir.Close()
	native, whyNot := s.native(dir)
	if native != "" && (s.Config.Means == "" || s.Config.Means == native) {
		return native, nil
	}
	if s.Config.Means != "" && s.Config.Means != Loop {
		if whyNot == nil {
			whyNot = fmt.Errorf("it is on %s", native)
		}
		return "", unsupported(s.Config.Means, s.Dir, whyNot)
	}
	if err := s.loopPossible(); err != nil {
		return "", unsupported(Loop, s.Dir, errors.Join(whyNot, err))
	}
	return Loop, nil
}

func unsupported(m Means, dir string, why error) error {
	return &mctr.UnsupportedError{Feature: fmt.Sprintf("a limit of what is written below %s, by %s,", dir, m),
		Why: why.Error()}
}

// native returns the means of dir's filesystem itself, or an error that says why there is none.
func (s *Store) native(dir *os.File) (m Means, err error) {
	var fs unix.Statfs_t
	if err := unix.Fstatfs(int(dir.Fd()), &fs); err != nil {
		return "", os.NewSyscallError("fstatfs", err)
	}
	switch uint32(fs.Type) {
	case unix.EXT4_SUPER_MAGIC:
		m, err = Ext4, enforced(dir)
	case unix.XFS_SUPER_MAGIC:
		m, err = XFS, enforced(dir)
	case unix.BTRFS_SUPER_MAGIC:
		m, err = Btrfs, s.qgroupsPossible(dir)
	default:
		err = fmt.Errorf("its filesystem, of type %#x, has no project quotas or qgroups", fs.Type)
	}
	if err != nil {
		return "", err
	}
	return m, nil
}
