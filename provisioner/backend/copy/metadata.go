package copy

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/provisioner/backend"
)

// copyMetadata copies the attributes of src to dst. With ids, it then changes the owner to the
// mapped ids, which clears setuid bits and file capabilities, and restores these.
func copyMetadata(src, dst string, ids *backend.IDMap) error {
	if ids == nil {
		return backend.CopyMeta(src, dst)
	}
	var st unix.Stat_t
	if err := unix.Lstat(src, &st); err != nil {
		return &os.PathError{Op: "lstat", Path: src, Err: err}
	}
	if err := backend.CopyMeta(src, dst); err != nil {
		return err
	}
	if err := ids.Chown(dst, st.Uid, st.Gid); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFLNK {
		return nil
	}
	return restoreMetadata(src, dst, st, ids)
}

// restoreMetadata restores what the change of owner cleared.
func restoreMetadata(src, dst string, st unix.Stat_t, ids *backend.IDMap) error {
	if err := unix.Chmod(dst, st.Mode&0o7777); err != nil {
		return &os.PathError{Op: "chmod", Path: dst, Err: err}
	}
	attrs, err := backend.Xattrs(src)
	if err != nil {
		return err
	}
	if caps, ok := attrs[capability]; ok {
		root, err := ids.Root()
		if err != nil {
			return err
		}
		if err := unix.Lsetxattr(dst, capability, rebaseCapability([]byte(caps), root), 0); err != nil {
			return &os.PathError{Op: "setxattr " + capability, Path: dst, Err: err}
		}
	}
	return nil
}

const capability = "security.capability"

// rebaseCapability converts file capabilities of the initial user namespace (revision 2) to those
// of the namespace whose root is uid (revision 3), see capabilities(7).
func rebaseCapability(caps []byte, uid uint32) []byte {
	if len(caps) != 20 || caps[3] != 2 {
		return caps
	}
	v3 := append([]byte{}, caps...)
	v3[3] = 3
	return append(v3, byte(uid), byte(uid>>8), byte(uid>>16), byte(uid>>24))
}
