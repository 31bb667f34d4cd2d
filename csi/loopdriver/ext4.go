package loopdriver

import (
	"fmt"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/kernel"
)

// canGrowOnline returns true if this process may resize a mounted ext4: the kernel wants
// CAP_SYS_RESOURCE in this user namespace.
func canGrowOnline() bool { return kernel.HasCapability(unix.CAP_SYS_RESOURCE) }

// format gives a new volume its filesystem, and one whose image has grown the image's size.
func (d *Driver) format(v *volume, device string) error {
	switch {
	case v.Filesystem == 0:
		if err := run("mkfs.ext4", "-q", "-F", "-m", "0", "-E", "nodiscard", device); err != nil {
			return err
		}
	case v.Filesystem < v.Bytes:
		// e2fsck exits with 1 if it has repaired something, which resize2fs may need.
		if err := run("e2fsck", "-f", "-p", device); err != nil && !strings.Contains(err.Error(), "exit status 1:") {
			return err
		}
		if err := run("resize2fs", device); err != nil {
			return err
		}
	default:
		return nil
	}
	v.Filesystem = v.Bytes
	return d.save(v)
}

// run runs a command that ends with the plugin: the same command would otherwise work on the device
// at the same time after a restart.
func run(argv ...string) error {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// mountFlags are the mount flags of a request that are flags of mount(2).
var mountFlags = map[string]uintptr{"noatime": unix.MS_NOATIME, "nodev": unix.MS_NODEV, "noexec": unix.MS_NOEXEC,
	"nosuid": unix.MS_NOSUID, "relatime": unix.MS_RELATIME, "sync": unix.MS_SYNCHRONOUS}

// mountExt4 mounts device at path; flags that mount(2) does not have are ext4's options.
func mountExt4(device, path string, flags []string) error {
	var bits uintptr
	var data []string
	for _, flag := range flags {
		if bit, ok := mountFlags[flag]; ok {
			bits |= bit
			continue
		}
		data = append(data, flag)
	}
	if err := unix.Mount(device, path, "ext4", bits, strings.Join(data, ",")); err != nil {
		return fmt.Errorf("mount %s at %s: %w", device, path, err)
	}
	return nil
}
