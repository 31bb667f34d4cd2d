package provisioner

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/tree"
)

// BundleDir makes dir, or accepts an empty directory, for an OCI bundle that only this user
// may read: an image may contain set-user-ID programs, which every user of the host could
// otherwise run, and its environment may hold secrets. undo restores the state before.
func BundleDir(dir string) (undo func() error, err error) {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return nil, err
	}
	err = os.Mkdir(dir, 0o700)
	if err == nil {
		return func() error { return tree.Remove(dir) }, nil
	}
	if !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	if len(entries) > 0 {
		return nil, fmt.Errorf("%w: %s is not empty", mctr.ErrExists, dir)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return nil, fmt.Errorf("%w: %s belongs to user %d, who could reach what an image's programs may do as root",
			mctr.ErrInvalid, dir, st.Uid)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return nil, err
	}
	return func() error { return errors.Join(empty(dir), os.Chmod(dir, info.Mode().Perm())) }, nil
}
