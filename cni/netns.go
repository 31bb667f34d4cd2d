package cni

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/ownthread"
)

// pins are the pinned network namespaces of containers: bind mounts in one directory.
type pins struct{ dir string }

// Namespace returns the path at which the container's network namespace is pinned while the
// container is attached to CNI networks.
func (p pins) Namespace(id mctr.ContainerID) string { return filepath.Join(p.dir, id.Hash()) }

// Pin makes a network namespace for a container, with lo up, and keeps it alive by a bind mount
// (network_namespaces(7), namespaces(7)). The mount exists before the container and outlives it, so
// that DEL works after the container's exit. Pin returns an existing namespace as it is.
func (p pins) Pin(id mctr.ContainerID) (string, error) {
	path := p.Namespace(id)
	if pinned(path) {
		return path, nil
	}
	if err := os.MkdirAll(p.dir, 0o711); err != nil {
		return "", err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDONLY|unix.O_NOFOLLOW, 0o444)
	if err != nil {
		return "", err
	}
	if err := errors.Join(f.Close(), ownthread.Run(0, func() error { return unshareTo(path) })); err != nil {
		return "", errors.Join(fmt.Errorf("make a network namespace: %w", err), p.Unpin(id))
	}
	return path, nil
}

// Unpin removes the mount; the kernel drops the namespace with its last process. It is idempotent.
func (p pins) Unpin(id mctr.ContainerID) error { return unpin(p.Namespace(id)) }

// UnpinStray unpins a path that Pins returned and whose container is not known. The error wraps
// mctr.ErrInvalid for any other path.
func (p pins) UnpinStray(path string) error {
	if filepath.Dir(path) != p.dir || filepath.Clean(path) != path {
		return fmt.Errorf("%w: %s is not a pinned namespace of %s", mctr.ErrInvalid, path, p.dir)
	}
	return unpin(path)
}

func unpin(path string) error {
	if err := unix.Unmount(path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil && !errors.Is(err, unix.EINVAL) &&
		!errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("unpin the network namespace %s: %w", path, err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Pins returns the paths of all pinned namespaces.
func (p pins) Pins() ([]string, error) {
	entries, err := os.ReadDir(p.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		names = append(names, filepath.Join(p.dir, e.Name()))
	}
	return names, nil
}

func pinned(path string) bool {
	var st unix.Statfs_t
	return unix.Statfs(path, &st) == nil && st.Type == unix.NSFS_MAGIC
}

func unshareTo(path string) error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return err
	}
	if err := loopbackUp(); err != nil {
		return fmt.Errorf("bring lo up: %w", err)
	}
	for name, value := range openToAll {
		if err := os.WriteFile("/proc/sys/net/ipv4/"+name, []byte(value), 0); err != nil {
			return err
		}
	}
	if err := unix.Mount("/proc/thread-self/ns/net", path, "", unix.MS_BIND, ""); err != nil {
		return err
	}
	// A recursive bind mount of the host's tree, which a container on the host's filesystem has,
	// must not copy this mount: path could not be removed while the copy exists (mount_namespaces(7)).
	return unix.Mount("", path, "", unix.MS_UNBINDABLE, "")
}

// openToAll are docker's sysctls of a container's network namespace: every user may bind ports
// below 1024, and ping.
var openToAll = map[string]string{"ip_unprivileged_port_start": "0", "ping_group_range": "0 2147483647"}

// loopbackUp sets lo up in this thread's namespace.
func loopbackUp() error {
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer h.Close()
	lo, err := h.LinkByName("lo")
	if err != nil {
		return err
	}
	return h.LinkSetUp(lo)
}
