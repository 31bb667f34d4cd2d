package libcontainer

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/moby/sys/userns"
	devices "github.com/opencontainers/cgroups/devices/config"
	"github.com/opencontainers/runc/libcontainer/configs"
	"golang.org/x/sys/unix"
)

// checkDevices returns an error if the root filesystem has a different file at a device's path
// (config-linux.md, "Devices"), because libcontainer would silently keep that file. It skips paths
// below other mounts, and devices that are bind mounts from the host, which need an existing file.
func checkDevices(config *configs.Config, wanted []*devices.Device) error {
	if config.Namespaces.Contains(configs.NEWUSER) || userns.RunningInUserNS() {
		return nil
	}
	for _, d := range wanted {
		if mounted(config, d.Path) || path.Clean("/"+d.Path) == "/dev/ptmx" { // libcontainer makes this one a symlink
			continue
		}
		kind, number, err := statInRoot(config.Rootfs, d.Path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("device %s: look it up in the root filesystem: %w", d.Path, err)
		}
		if want, err := d.Mkdev(); err != nil || kind != d.Type || number != want {
			return fmt.Errorf("device %s: the root filesystem has another file there: "+
				"choose another path or remove the file", d.Path)
		}
	}
	return nil
}

// mounted reports whether place is below a mount of the container other than the root.
func mounted(config *configs.Config, place string) bool {
	for _, m := range config.Mounts {
		on := path.Clean("/" + m.Destination)
		if place := path.Clean("/" + place); on != "/" && (place == on || strings.HasPrefix(place, on+"/")) {
			return true
		}
	}
	return false
}

// statInRoot returns type and number of the file at name in root. No symlink leads out of root.
func statInRoot(root, name string) (devices.Type, uint64, error) {
	dir, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, 0, err
	}
	defer unix.Close(dir)
	how := &unix.OpenHow{Flags: unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT}
	fd, err := unix.Openat2(dir, path.Clean("/"+name), how)
	if err != nil {
		return 0, 0, err
	}
	defer unix.Close(fd)
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return 0, 0, err
	}
	return kinds[stat.Mode&unix.S_IFMT], stat.Rdev, nil
}

// kinds maps the kernel's file types to the device types of the specification.
var kinds = map[uint32]devices.Type{
	unix.S_IFIFO: devices.FifoDevice, unix.S_IFCHR: devices.CharDevice, unix.S_IFBLK: devices.BlockDevice,
}
