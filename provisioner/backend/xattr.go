package backend

import (
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/xattr"
)

const (
	overlayXattr = "trusted.overlay."
	escapedXattr = "trusted.overlay.overlay."
)

// copyXattrs replaces to's extended attributes with those of from.
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

// Xattrs returns the extended attributes of path as the image has them: without those of overlayfs
// itself, and with escaped ones unescaped.
func Xattrs(path string) (map[string]string, error) {
	names, err := xattr.Names(path)
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
		value, err := xattr.Value(path, name)
		if errors.Is(err, unix.ENODATA) {
			continue // listed, but not readable
		}
		if err != nil {
			return nil, err
		}
		all[as] = string(value)
	}
	return all, nil
}

// IsOpaque returns true if a directory of a layer hides what lower layers have in it.
func IsOpaque(dir string) bool {
	value, err := xattr.Value(dir, overlayXattr+"opaque")
	return err == nil && string(value) == "y"
}
