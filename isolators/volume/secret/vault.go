package secret

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/dirs"
	"github.com/mctr/mctr/internal/flock"
)

// The directories of a container in the vault.
const (
	values = "values" // what callers gave, by key
	files  = "files"  // what is mounted, by the hash of the target
)

// A vault is a tmpfs with the secrets of all containers, in a directory by id for each. It is mounted as
// long as it has one, and nothing is ever written to the disk below its mount point. A process holds
// the vault's lock while it mounts, unmounts, or writes.
type vault struct{ dir string }

// A file is a file in the vault.
type file struct {
	id             mctr.ContainerID
	dir, name      string
	mode, uid, gid uint32
}

// path returns the path on the host.
func (v vault) path(f file) string { return filepath.Join(v.dir, f.inVault()) }

func (f file) inVault() string { return filepath.Join(string(f.id), f.dir, f.name) }

// put writes a file, which replaces an earlier one.
func (v vault) put(ctx context.Context, f file, value []byte) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	lock, err := v.lock(ctx)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	root, err := v.open()
	if errors.Is(err, fs.ErrNotExist) {
		if err := v.mount(); err != nil {
			return err
		}
		root, err = v.open()
	}
	if err != nil {
		return err
	}
	defer root.Close()
	return write(root, f, value)
}

func write(root *os.Root, f file, value []byte) error {
	path := f.inVault()
	if err := root.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := root.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return errors.Join(root.WriteFile(path, value, 0o400), root.Chown(path, int(f.uid), int(f.gid)),
		root.Chmod(path, fs.FileMode(f.mode)))
}

// get returns the value for key that the container's creator gave. The error wraps fs.ErrNotExist if it
// is lost.
func (v vault) get(id mctr.ContainerID, key string) ([]byte, error) {
	root, err := v.open()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.ReadFile(file{id: id, dir: values, name: key}.inVault())
}

// remove removes one of a container's directories, or all for "", and unmounts a vault that is empty. It
// succeeds if there is nothing to remove.
func (v vault) remove(ctx context.Context, id mctr.ContainerID, dir string) error {
	if _, err := os.Lstat(filepath.Join(v.dir, string(id))); errors.Is(err, fs.ErrNotExist) {
		if isEmpty, err := v.isEmpty(); !isEmpty { // an empty one is left of a process that was killed
			return err
		}
	}
	lock, err := v.lock(ctx)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	root, err := v.open()
	if errors.Is(err, fs.ErrNotExist) { // it was removed meanwhile, or only its directory was made
		_ = os.Remove(v.dir) // fails if it does not exist
		return nil
	}
	if err != nil {
		return err
	}
	err = root.RemoveAll(filepath.Join(string(id), dir))
	_ = root.Remove(string(id)) // fails while the other directory is in it
	if err := errors.Join(err, root.Close()); err != nil {
		return fmt.Errorf("remove the secrets of container %s: %w", id, err)
	}
	return v.unmountEmpty()
}

// isEmpty returns true if the vault exists and has no secrets.
func (v vault) isEmpty() (bool, error) {
	dir, err := os.Open(v.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer dir.Close()
	_, err = dir.Readdirnames(1)
	if errors.Is(err, io.EOF) {
		return true, nil
	}
	return false, err
}

// ids returns the containers that have secrets.
func (v vault) ids() (ids []mctr.ContainerID, err error) {
	entries, err := os.ReadDir(v.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		if id := mctr.ContainerID(e.Name()); id.Validate() == nil {
			ids = append(ids, id)
		}
	}
	return ids, err
}

func (v vault) lock(ctx context.Context) (*flock.Lock, error) {
	return flock.Exclusive(ctx, v.dir+".lock")
}

// open opens the vault. The error wraps fs.ErrNotExist if it is not mounted.
func (v vault) open() (*os.Root, error) {
	root, err := os.OpenRoot(v.dir)
	if err != nil {
		return nil, err
	}
	mounted, err := isVault(root)
	if err == nil && !mounted {
		err = fmt.Errorf("%s: nothing is mounted: %w", v.dir, fs.ErrNotExist)
	}
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return root, nil
}

// isVault returns true if root is the root of a mounted tmpfs. A tmpfs that STATE is part of may be
// swapped out.
func isVault(root *os.Root) (bool, error) {
	dir, err := root.Open(".")
	if err != nil {
		return false, err
	}
	defer dir.Close()
	var of unix.Statfs_t
	var at unix.Statx_t
	err = errors.Join(unix.Fstatfs(int(dir.Fd()), &of), unix.Statx(int(dir.Fd()), "", unix.AT_EMPTY_PATH, 0, &at))
	return of.Type == unix.TMPFS_MAGIC && at.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0, err
}

// mount mounts the vault, which root alone can enter. Kernels before 6.4 do not know noswap.
func (v vault) mount() error {
	if err := dirs.MakeAll(v.dir, 0o700); err != nil {
		return err
	}
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	err := unix.Mount("tmpfs", v.dir, "tmpfs", flags, "mode=0700,noswap")
	if errors.Is(err, unix.EINVAL) {
		err = unix.Mount("tmpfs", v.dir, "tmpfs", flags, "mode=0700")
	}
	if err != nil {
		return fmt.Errorf("mount a tmpfs at %s: %w", v.dir, err)
	}
	return nil
}

// unmountEmpty removes the vault if it has no secrets. A vault that is in use stays for the next caller.
func (v vault) unmountEmpty() error {
	if isEmpty, err := v.isEmpty(); !isEmpty {
		return err
	}
	err := unix.Unmount(v.dir, unix.UMOUNT_NOFOLLOW)
	if errors.Is(err, unix.EBUSY) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("unmount %s: %w", v.dir, err)
	}
	return os.Remove(v.dir)
}
