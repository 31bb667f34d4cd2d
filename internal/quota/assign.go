package quota

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/tree"
	"github.com/mctr/mctr/internal/xattr"
)

// fsxattr is struct fsxattr (ioctl_fs(2), FS_IOC_FSGETXATTR).
type fsxattr struct {
	flags, extentSize, extents, project, cowExtentSize uint32
	_                                                  [8]byte
}

// fileAttr is struct file_attr (file_setattr(2), Linux 6.17).
type fileAttr struct {
	flags                                       uint64
	extentSize, extents, project, cowExtentSize uint32
}

// Requests of ioctl(2).
const (
	fsGetXAttr = 0x801c581f // FS_IOC_FSGETXATTR
	fsSetXAttr = 0x401c5820 // FS_IOC_FSSETXATTR
	fsSetFlags = 0x40086602 // FS_IOC_SETFLAGS

	inheritID = 0x200 // FS_XFLAG_PROJINHERIT: new files in a directory get its project id
)

// assign moves dir and everything in it from one project to another; project 0 stands for none. A
// directory gets its id before it is read: files that another process makes meanwhile inherit the
// id. It does not follow links. A mount below dir is an error, and so is a file of a third project,
// unless files are moved to no project. A hard link is one file with its other names, which thus
// get the id too.
func assign(ctx context.Context, dir string, from, to uint32) error {
	root, err := openDir(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := setProject(root, from, to, true); err != nil {
		return err
	}
	return tree.Walk(ctx, root, func(p tree.Place) (into *os.File, err error) {
		into, err = assignOne(p.Dir, p.Name, from, to)
		if errors.Is(err, unix.ENOENT) {
			return nil, nil // deleted meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("give %s project id %d: %w", filepath.Join(dir, tree.Short(p.Path())), to, err)
		}
		return into, nil
	})
}

// assignOne returns the file if it is a directory.
func assignOne(dir *os.File, name string, from, to uint32) (into *os.File, err error) {
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_XDEV}
	at, err := unix.Openat2(int(dir.Fd()), name, &how)
	if err != nil {
		return nil, err
	}
	defer unix.Close(at)
	var st unix.Stat_t
	if err := unix.Fstat(at, &st); err != nil {
		return nil, err
	}
	kind := st.Mode & unix.S_IFMT
	if kind != unix.S_IFREG && kind != unix.S_IFDIR {
		return nil, assignSpecial(dir, name, &st, to)
	}
	f, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", at)) // not by name: it may be a device by now
	if err != nil {
		return nil, err
	}
	if err := setProject(f, from, to, kind == unix.S_IFDIR); err != nil || kind == unix.S_IFREG {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func getXAttr(f *os.File) (attr fsxattr, err error) {
	if err := ioctl(f, fsGetXAttr, unsafe.Pointer(&attr)); err != nil {
		return attr, fmt.Errorf("read the project id: %w", err)
	}
	return attr, nil
}

// setProject moves a file from one project to another.
func setProject(f *os.File, from, to uint32, directory bool) error {
	attr, err := getXAttr(f)
	if err != nil {
		return err
	}
	if attr.project != from && attr.project != to {
		if to == 0 {
			return nil
		}
		return fmt.Errorf("%w: it belongs to project %d", mctr.ErrState, attr.project)
	}
	want := attr
	want.project = to
	if want.flags &^= inheritID; directory && to != 0 {
		want.flags |= inheritID
	}
	if want == attr {
		return nil
	}
	if err := ioctl(f, fsSetXAttr, unsafe.Pointer(&want)); err != nil {
		return fmt.Errorf("set project id %d: %w", to, err)
	}
	return nil
}

func ioctl(f *os.File, request uint, data unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), uintptr(request), uintptr(data)); errno != 0 {
		return os.NewSyscallError("ioctl", errno)
	}
	return nil
}

// replacement is the name of a new special file until it replaces the old one.
const replacement = ".mctr-quota-replacement"

// assignSpecial gives the id to a file that cannot be opened for ioctl(2): a link, a device, a pipe
// or a socket. With another id than its directory's it could not be renamed (EXDEV); overlayfs
// renames its whiteouts. If the kernel or the filesystem has no file_setattr(2) for such files, a new
// file replaces it, which inherits the id.
func assignSpecial(dir *os.File, name string, st *unix.Stat_t, id uint32) error {
	if name == replacement {
		return unix.Unlinkat(int(dir.Fd()), name, 0) // a kill left it
	}
	path, err := unix.BytePtrFromString(name)
	if err != nil {
		return err
	}
	var attr fileAttr
	for _, call := range []uintptr{unix.SYS_FILE_GETATTR, unix.SYS_FILE_SETATTR} {
		_, _, errno := unix.Syscall6(call, dir.Fd(), uintptr(unsafe.Pointer(path)), uintptr(unsafe.Pointer(&attr)),
			unsafe.Sizeof(attr), unix.AT_SYMLINK_NOFOLLOW, 0)
		switch {
		case errno == unix.ENOSYS || errno == unix.EOPNOTSUPP || errno == unix.ENOTTY:
			return replaceSpecial(dir, name, st)
		case errno != 0:
			return os.NewSyscallError("file_setattr", errno)
		}
		attr.project = id
	}
	return nil
}

// replaceSpecial replaces a file by a new one with the same content, owner, mode, times and extended
// attributes.
func replaceSpecial(dir *os.File, name string, st *unix.Stat_t) error {
	at := int(dir.Fd())
	if err := unix.Unlinkat(at, replacement, 0); err != nil && !errors.Is(err, unix.ENOENT) {
		return err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFLNK {
		target, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d/%s", at, name))
		if err != nil {
			return err
		}
		if err := unix.Symlinkat(target, at, replacement); err != nil {
			return err
		}
	} else if err := unix.Mknodat(at, replacement, st.Mode, int(st.Rdev)); err != nil {
		return err
	}
	err := copyMetadata(dir, name, replacement, st)
	if err == nil {
		err = unix.Renameat(at, replacement, at, name)
	}
	if err != nil {
		return errors.Join(err, unix.Unlinkat(at, replacement, 0))
	}
	return nil
}

func copyMetadata(dir *os.File, from, to string, st *unix.Stat_t) error {
	at := int(dir.Fd())
	if err := unix.Fchownat(at, to, int(st.Uid), int(st.Gid), unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFLNK { // chown cleared bits, and the umask applied
		if err := unix.Fchmodat(at, to, st.Mode&0o7777, 0); err != nil {
			return err
		}
	}
	in := fmt.Sprintf("/proc/self/fd/%d/", at)
	names, err := xattr.Names(in + from)
	if err != nil {
		return err
	}
	for _, attribute := range names {
		value, err := xattr.Value(in+from, attribute)
		if err != nil {
			return err
		}
		if err := unix.Lsetxattr(in+to, attribute, value, 0); err != nil {
			return os.NewSyscallError("setxattr "+attribute, err)
		}
	}
	return unix.UtimesNanoAt(at, to, []unix.Timespec{st.Atim, st.Mtim}, unix.AT_SYMLINK_NOFOLLOW)
}
