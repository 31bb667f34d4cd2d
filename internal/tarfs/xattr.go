package tarfs

import (
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/xattr"
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

// copied returns true if an attribute is copied. Capabilities and access lists are meaningful only
// with the owner that they were set for.
func copied(name string, owner bool) bool {
	switch {
	case strings.HasPrefix(name, "user."):
		return true
	case name == "security.capability", name == "system.posix_acl_access", name == "system.posix_acl_default":
		return owner
	}
	return false
}

// readXattrs returns the attributes of f that may be copied.
func readXattrs(f *os.File) (map[string]string, error) {
	list, err := xattr.NamesOf(f)
	if err != nil {
		return nil, ignoreUnsupported(err)
	}
	found := map[string]string{}
	for _, name := range list {
		if !copied(name, true) || strings.Contains(name, "=") { // a tar cannot hold such a name
			continue
		}
		value, err := xattr.ValueOf(f, name)
		if errors.Is(err, unix.ENODATA) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, ignoreUnsupported(err)
		}
		found[name] = string(value)
	}
	return found, nil
}

// ignoreUnsupported returns nil if err means that a filesystem or file does not have attributes.
func ignoreUnsupported(err error) error {
	if errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return nil
	}
	return err
}
