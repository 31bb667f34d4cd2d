package quota

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
)

// attach makes a loop device of the image and returns it open. The device ends when neither the
// file nor a mount holds it.
func attach(ctx context.Context, image string) (*os.File, error) {
	f, err := os.OpenFile(image, os.O_RDWR|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer control.Close()
	for ctx.Err() == nil {
		n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return nil, fmt.Errorf("find a free loop device: %w", err)
		}
		device, err := os.OpenFile(fmt.Sprintf("/dev/loop%d", n), os.O_RDWR, 0)
		if err != nil {
			return nil, err
		}
		err = configure(device, f)
		if err == nil {
			return device, nil
		}
		_ = device.Close()
		if !errors.Is(err, unix.EBUSY) { // another process was faster
			return nil, fmt.Errorf("make loop device %s of %s: %w", device.Name(), image, err)
		}
	}
	return nil, context.Cause(ctx)
}

// configure sets up the device with direct I/O, so that data are not cached twice, or else without.
func configure(device, image *os.File) (err error) {
	for _, flags := range []uint32{unix.LO_FLAGS_AUTOCLEAR | unix.LO_FLAGS_DIRECT_IO, unix.LO_FLAGS_AUTOCLEAR} {
		config := unix.LoopConfig{Fd: uint32(image.Fd()), Size: block, Info: unix.LoopInfo64{Flags: flags}}
		copy(config.Info.File_name[:len(config.Info.File_name)-1], image.Name())
		if err = unix.IoctlLoopConfigure(int(device.Fd()), &config); !errors.Is(err, unix.EINVAL) {
			return err
		}
	}
	return err
}

// attached returns the loop device of the image, or "". The device may be mounted in another mount
// namespace. A second device of the same image would damage its filesystem.
func attached(image string) (string, error) {
	var want unix.Stat_t
	if err := unix.Stat(image, &want); errors.Is(err, unix.ENOENT) {
		return "", nil
	} else if err != nil {
		return "", err
	}
	files, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil {
		return "", err
	}
	for _, file := range files {
		backing, err := os.ReadFile(file)
		if err != nil || filepath.Base(strings.TrimSpace(string(backing))) != filepath.Base(image) {
			continue // detached meanwhile, or the device of another file, which is not opened
		}
		device := filepath.Join("/dev", strings.Split(file, "/")[3])
		same, err := backs(device, &want)
		if err != nil {
			return "", err
		}
		if same {
			return device, nil
		}
	}
	return "", nil
}

// openAttached opens the loop device of the image, or returns nil if it has none. The device may end
// before it is opened, and not after.
func openAttached(image string) (*os.File, error) {
	device, err := attached(image)
	if err != nil || device == "" {
		return nil, err
	}
	f, err := os.OpenFile(device, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	if now, err := attached(image); err != nil || now != device {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// backs returns true if the file is that of the loop device.
func backs(device string, file *unix.Stat_t) (bool, error) {
	f, err := os.Open(device)
	if err != nil {
		return false, err
	}
	defer f.Close()
	info, err := unix.IoctlLoopGetStatus64(int(f.Fd()))
	if errors.Is(err, unix.ENXIO) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("status of %s: %w", device, err)
	}
	return info.Device == file.Dev && info.Inode == file.Ino, nil
}

// detachWait limits the wait for the kernel to end a device after its mount.
const detachWait = 2 * time.Second

// waitDetached returns an error that wraps ErrState if the image remains in use.
func waitDetached(ctx context.Context, image string) error {
	ctx, cancel := context.WithTimeout(ctx, detachWait)
	defer cancel()
	for {
		device, err := attached(image)
		if err != nil || device == "" {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: it is in use: %s holds %s (unmount it, also in other mount namespaces)",
				mctr.ErrState, device, image)
		case <-time.After(5 * time.Millisecond):
		}
	}
}
