package quota

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// The commands of quotactl(2), for project quotas. The kernel translates the ext4 family of commands
// for XFS, and the XFS family for ext4 (fs/quota/quota.c): these serve both.
const (
	getQuota     = 0x800007<<8 | projectQuota // Q_GETQUOTA
	setQuota     = 0x800008<<8 | projectQuota // Q_SETQUOTA
	getNextQuota = 0x800009<<8 | projectQuota // Q_GETNEXTQUOTA
	getState     = 0x5808<<8 | projectQuota   // Q_XGETQSTATV

	projectQuota = 2 // PRJQUOTA
)

// dqblk is struct if_nextdqblk, whose beginning is struct if_dqblk. Hard limits are in
// blocks of 1 KiB, space is in bytes.
type dqblk struct {
	blockHard, blockSoft, space  uint64
	inodeHard, inodeSoft, inodes uint64
	blockTime, inodeTime         uint64
	valid, id                    uint32
}

const (
	limitsValid = 1 | 4 // QIF_LIMITS
	quotaBlock  = 1024  // QIF_DQBLKSIZE
)

// statv is struct fs_quota_statv.
type statv struct {
	version    int8
	_          uint8
	flags      uint16
	inCore     uint32
	users      [3]uint64
	groups     [3]uint64
	projects   [3]uint64
	timeLimits [3]int32
	_          [6]uint16
	_          [7]uint64
}

const projectsEnforced = 1 << 5 // FS_QUOTA_PDQ_ENFD

// quotactl runs a command on the filesystem of dir, by quotactl_fd(2). Linux before 5.14 lacks it:
// there the block device of the filesystem has to be in /dev.
func quotactl(dir *os.File, cmd, id uint32, data unsafe.Pointer) error {
	_, _, errno := unix.Syscall6(unix.SYS_QUOTACTL_FD, dir.Fd(), uintptr(cmd), uintptr(id), uintptr(data), 0, 0)
	if errno == unix.ENOSYS { // also if the kernel has no quotas for this filesystem
		return quotactlDevice(dir, cmd, id, data)
	}
	if errno != 0 {
		return os.NewSyscallError("quotactl_fd", errno)
	}
	return nil
}

func quotactlDevice(dir *os.File, cmd, id uint32, data unsafe.Pointer) error {
	device, err := deviceOf(dir)
	if err != nil {
		return err
	}
	special, err := unix.BytePtrFromString(device)
	if err != nil {
		return err
	}
	_, _, errno := unix.Syscall6(unix.SYS_QUOTACTL, uintptr(cmd), uintptr(unsafe.Pointer(special)), uintptr(id),
		uintptr(data), 0, 0)
	if errno != 0 {
		return fmt.Errorf("quotactl of %s: %w", device, errno)
	}
	return nil
}

// deviceOf returns the block device of dir's filesystem, as it was given to mount(2).
func deviceOf(dir *os.File) (string, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(dir.Fd()), &st); err != nil {
		return "", os.NewSyscallError("fstat", err)
	}
	mounts, err := mountinfo.GetMounts(func(m *mountinfo.Info) (skip, stop bool) {
		same := uint64(m.Major) == uint64(unix.Major(st.Dev)) && uint64(m.Minor) == uint64(unix.Minor(st.Dev))
		return !same, same
	})
	if err == nil && len(mounts) == 0 {
		err = fmt.Errorf("device %d:%d is not mounted here", unix.Major(st.Dev), unix.Minor(st.Dev))
	}
	if err != nil {
		return "", err
	}
	return mounts[0].Source, nil
}

// enforced returns an error unless the filesystem of dir enforces project quotas.
func enforced(dir *os.File) error {
	state := statv{version: 1}
	if err := quotactl(dir, getState, 0, unsafe.Pointer(&state)); err != nil || state.flags&projectsEnforced == 0 {
		return errors.Join(errors.New("project quotas are not enforced (mount the filesystem with prjquota; "+
			"ext4 needs the features project and quota too: tune2fs(8))"), err)
	}
	return nil
}

// projectUsage returns usage and limits of a project.
func projectUsage(dir *os.File, id uint32) (Usage, error) {
	var q dqblk
	err := quotactl(dir, getQuota, id, unsafe.Pointer(&q))
	if errors.Is(err, unix.ENOENT) {
		return Usage{}, nil // XFS has no quota for an id that was never used
	}
	if err != nil {
		return Usage{}, fmt.Errorf("read the quota of project %d: %w", id, err)
	}
	return q.usage(), nil
}

func (q *dqblk) usage() Usage {
	return Usage{
		Bytes: int64(q.space), Inodes: int64(q.inodes),
		Limits: Limits{Bytes: int64(q.blockHard) * quotaBlock, Inodes: int64(q.inodeHard)},
	}
}

// limitProject sets the hard limits of a project; zero limits remove them.
func limitProject(dir *os.File, id uint32, l Limits) error {
	q := dqblk{blockHard: uint64(l.Bytes / block * block / quotaBlock), inodeHard: uint64(l.Inodes), valid: limitsValid}
	if err := quotactl(dir, setQuota, id, unsafe.Pointer(&q)); err != nil {
		return fmt.Errorf("limit project %d to %s: %w", id, l, err)
	}
	return nil
}

// nextProject returns the first project, from id, that has usage or limits, or false.
func nextProject(dir *os.File, id uint32) (uint32, Usage, bool, error) {
	var q dqblk
	err := quotactl(dir, getNextQuota, id, unsafe.Pointer(&q))
	if errors.Is(err, unix.ENOENT) {
		return 0, Usage{}, false, nil
	}
	if err != nil {
		return 0, Usage{}, false, fmt.Errorf("list projects from %d: %w", id, err)
	}
	return q.id, q.usage(), true, nil
}
