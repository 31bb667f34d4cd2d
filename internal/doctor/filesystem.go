package doctor

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

func filesystems(h Host) []Finding {
	found := []Finding{
		directory("root", h.Root), directory("state", h.State),
		answer("filesystems", "overlay below "+h.Root, overlay(h.Root), "", Missing,
			"another filesystem for --root (ext4, XFS, btrfs), or --backend copy"),
	}
	_, err := os.Stat("/dev/fuse")
	return append(found, answer("filesystems", "FUSE", err, "", Missing, "modprobe fuse"))
}

// directory checks that dir, or its nearest existing parent, is writable.
func directory(name, dir string) Finding {
	err := unix.Access(existing(dir), unix.W_OK)
	var st unix.Statfs_t
	detail := dir
	if err == nil && unix.Statfs(existing(dir), &st) == nil {
		detail = fmt.Sprintf("%s, %d MiB free", dir, st.Bavail*uint64(st.Bsize)>>20)
	}
	return answer("filesystems", "--"+name, err, detail, Broken, "choose a writable directory with --"+name)
}

// existing returns the nearest of dir and its parents that exists.
func existing(dir string) string {
	for {
		if _, err := os.Stat(dir); err == nil || dir == "/" {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

// overlay mounts an overlay in a temporary directory without attaching the mount to a path.
func overlay(root string) (err error) {
	dir, err := os.MkdirTemp(existing(root), ".mctr-doctor-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	fs, err := unix.Fsopen("overlay", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("fsopen", err)
	}
	defer unix.Close(fs)
	for option, name := range map[string]string{"lowerdir": "lower", "upperdir": "upper", "workdir": "work"} {
		path := filepath.Join(dir, name)
		if err := os.Mkdir(path, 0o700); err != nil {
			return err
		}
		if err := unix.FsconfigSetString(fs, option, path); err != nil {
			return os.NewSyscallError("fsconfig", err)
		}
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return fmt.Errorf("an overlay on this filesystem: %w", err)
	}
	mount, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("fsmount", err)
	}
	return unix.Close(mount)
}
