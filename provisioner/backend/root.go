package backend

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// RootOf returns the layer that says what the root directory is like: the
// topmost that says anything of it. It is false when none does, and the root is
// 0755, root's, of the epoch.
func RootOf(lowers []Lower) (string, bool) {
	for i := len(lowers) - 1; i >= 0; i-- {
		if lowers[i].Root {
			return lowers[i].Dir, true
		}
	}
	return "", false
}

// MakeRoot makes dir as the root directory above lowers, its owner mapped by
// ids: whole or not at all.
func MakeRoot(dir string, lowers []Lower, ids *IDMap) error {
	if _, err := os.Lstat(dir); err == nil {
		return nil
	}
	fresh := dir + ".new"
	if err := os.Mkdir(fresh, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	if err := dressRoot(fresh, lowers, ids); err != nil {
		return fmt.Errorf("make root directory %s: %w", dir, err)
	}
	return os.Rename(fresh, dir)
}

func dressRoot(dir string, lowers []Lower, ids *IDMap) error {
	from, ok := RootOf(lowers)
	if !ok {
		if err := ids.Chown(dir, 0, 0); err != nil {
			return err
		}
		if err := os.Chmod(dir, 0o755); err != nil {
			return err
		}
		return unix.Utimes(dir, make([]unix.Timeval, 2))
	}
	if err := CopyMeta(from, dir); err != nil || ids == nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Lstat(from, &st); err != nil {
		return &os.PathError{Op: "lstat", Path: from, Err: err}
	}
	if err := ids.Chown(dir, st.Uid, st.Gid); err != nil {
		return err
	}
	return unix.Chmod(dir, st.Mode&0o7777)
}

// CopyMeta gives to the owner, mode, extended attributes and times of from. It
// follows no link; what overlayfs keeps for itself is left out, what a layer
// means to have of that kind is restored.
func CopyMeta(from, to string) error {
	var st unix.Stat_t
	if err := unix.Lstat(from, &st); err != nil {
		return &os.PathError{Op: "lstat", Path: from, Err: err}
	}
	if err := os.Lchown(to, int(st.Uid), int(st.Gid)); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFLNK {
		if err := unix.Chmod(to, st.Mode&0o7777); err != nil {
			return &os.PathError{Op: "chmod", Path: to, Err: err}
		}
	}
	if err := copyXattrs(from, to); err != nil {
		return err
	}
	times := []unix.Timespec{st.Atim, st.Mtim}
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, to, times, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return &os.PathError{Op: "utimensat", Path: to, Err: err}
	}
	return nil
}

const (
	overlayXattr = "trusted.overlay."
	escapedXattr = "trusted.overlay.overlay."
)

// copyXattrs makes to's attributes those of from.
func copyXattrs(from, to string) error {
	have, err := Xattrs(to)
	if err != nil {
		return err
	}
	want, err := Xattrs(from)
	if err != nil {
		return err
	}
	for name := range have {
		if _, ok := want[name]; !ok && name != "security.selinux" {
			if err := unix.Lremovexattr(to, name); err != nil {
				return &os.PathError{Op: "removexattr " + name, Path: to, Err: err}
			}
		}
	}
	for name, value := range want {
		if name == "security.selinux" || have[name] == value && value != "" {
			continue
		}
		if err := unix.Lsetxattr(to, name, []byte(value), 0); err != nil {
			return &os.PathError{Op: "setxattr " + name, Path: to, Err: err}
		}
	}
	return nil
}

// Xattrs returns the attributes that path has as part of an image: those of
// overlayfs itself are left out, escaped ones get their name back.
func Xattrs(path string) (map[string]string, error) {
	names, err := listXattrs(path)
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	for _, name := range names {
		as := name
		if rest, ok := strings.CutPrefix(name, escapedXattr); ok {
			as = overlayXattr + rest
		} else if strings.HasPrefix(name, overlayXattr) {
			continue
		}
		value, err := getXattr(path, name)
		if err != nil {
			return nil, err
		}
		all[as] = string(value)
	}
	return all, nil
}

// IsOpaque says whether a directory of a layer hides what lies beneath it.
func IsOpaque(dir string) bool {
	value, err := getXattr(dir, overlayXattr+"opaque")
	return err == nil && string(value) == "y"
}

func listXattrs(path string) ([]string, error) {
	size, err := unix.Llistxattr(path, nil)
	if errors.Is(err, unix.ENOTSUP) || size == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, &os.PathError{Op: "listxattr", Path: path, Err: err}
	}
	buf := make([]byte, size)
	if size, err = unix.Llistxattr(path, buf); err != nil {
		return nil, &os.PathError{Op: "listxattr", Path: path, Err: err}
	}
	return strings.Split(strings.TrimSuffix(string(buf[:size]), "\x00"), "\x00"), nil
}

func getXattr(path, name string) ([]byte, error) {
	buf := make([]byte, 256)
	for {
		n, err := unix.Lgetxattr(path, name, buf)
		if errors.Is(err, unix.ERANGE) {
			buf = make([]byte, 64<<10)
			continue
		}
		if err != nil {
			return nil, &os.PathError{Op: "getxattr " + name, Path: path, Err: err}
		}
		return buf[:n], nil
	}
}
