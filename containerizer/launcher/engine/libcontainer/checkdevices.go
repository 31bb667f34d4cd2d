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

// checkDevices refuses one whose place in the root filesystem has another file
// (config-linux.md, "Devices"), which libcontainer would leave there in its stead.
// What is mounted over the root is not looked at, nor devices that are bind mounts of
// the host's: these want some file there.
func checkDevices(config *configs.Config, wanted []*devices.Device) error {
	if config.Namespaces.Contains(configs.NEWUSER) || userns.RunningInUserNS() {
		return nil
	}
	for _, d := range wanted {
		if mounted(config, d.Path) || path.Clean("/"+d.Path) == "/dev/ptmx" { // libcontainer has a link for this one
			continue
		}
		kind, number, err := statInRoot(config.Rootfs, d.Path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("device %s: look for it in the root filesystem: %w", d.Path, err)
		}
		if want, err := d.Mkdev(); err != nil || kind != d.Type || number != want {
			return fmt.Errorf("device %s: the root filesystem has another file there: name another path, or remove it",
				d.Path)
		}
	}
	return nil
}

// mounted reports whether place is on a mount of the container's.
func mounted(config *configs.Config, place string) bool {
	for _, m := range config.Mounts {
		on := path.Clean("/" + m.Destination)
		if place := path.Clean("/" + place); on != "/" && (place == on || strings.HasPrefix(place, on+"/")) {
			return true
		}
	}
	return false
}

// statInRoot gives type and number of the file at name in root, which no link leads out of.
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

// kinds are the types of the kernel's that are devices of the specification's.
var kinds = map[uint32]devices.Type{
	unix.S_IFIFO: devices.FifoDevice, unix.S_IFCHR: devices.CharDevice, unix.S_IFBLK: devices.BlockDevice,
}
