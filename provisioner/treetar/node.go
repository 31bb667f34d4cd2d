package treetar

import (
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/provisioner/inroot"
)

// Readlink returns the target of a symbolic link that is open with O_PATH.
func Readlink(f *os.File) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(int(f.Fd()), "", buf)
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}

const paxXattr = "SCHILY.xattr."

// copied says whether an attribute goes along. Those of security.* and the access
// lists mean something only with the owner they were given by.
func copied(name string, owner bool) bool {
	switch {
	case strings.HasPrefix(name, "user."):
		return true
	case name == "security.capability", name == "system.posix_acl_access", name == "system.posix_acl_default":
		return owner
	}
	return false
}

// readXattrs returns the attributes that may go along.
func readXattrs(f *os.File) (map[string]string, error) {
	list, err := sized(func(buf []byte) (int, error) { return unix.Listxattr(inroot.Path(f), buf) })
	if err != nil || len(list) == 0 {
		return nil, unknown(err)
	}
	found := map[string]string{}
	for name := range strings.SplitSeq(strings.TrimRight(string(list), "\x00"), "\x00") {
		if !copied(name, true) || strings.Contains(name, "=") { // which no tar can hold
			continue
		}
		value, err := sized(func(buf []byte) (int, error) { return unix.Getxattr(inroot.Path(f), name, buf) })
		if errors.Is(err, unix.ENODATA) {
			continue // gone meanwhile
		}
		if err != nil {
			return nil, unknown(err)
		}
		found[name] = string(value)
	}
	return found, nil
}

// sized calls get with the room it asks for, and again if that has grown.
func sized(get func([]byte) (int, error)) ([]byte, error) {
	for {
		n, err := get(nil)
		if err != nil || n == 0 {
			return nil, err
		}
		buf := make([]byte, n)
		n, err = get(buf)
		if errors.Is(err, unix.ERANGE) {
			continue
		}
		return buf[:max(n, 0)], err
	}
}

// unknown is nil where a filesystem or file has no attributes.
func unknown(err error) error {
	if errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return nil
	}
	return err
}
