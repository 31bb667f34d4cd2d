package loopdriver

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// findLoop returns the loop device of an image, "" if it has none.
func findLoop(image string, readonly bool) (string, error) {
	files, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil {
		return "", err
	}
	for _, file := range files {
		backing, err := os.ReadFile(file)
		if err != nil || strings.TrimSpace(string(backing)) != image {
			continue // detached meanwhile, or another image
		}
		block := filepath.Dir(filepath.Dir(file))
		ro, err := os.ReadFile(filepath.Join(block, "ro"))
		if err == nil && (strings.TrimSpace(string(ro)) == "1") == readonly {
			return "/dev/" + filepath.Base(block), nil
		}
	}
	return "", nil
}

// attachLoop returns the open loop device of an image, a new one if the image has none. The device
// detaches itself with its last user if autoclear is set (loop(4)).
func attachLoop(image string, readonly, autoclear bool) (*os.File, error) {
	if device, err := findLoop(image, readonly); err != nil || device != "" {
		if err != nil {
			return nil, err
		}
		return os.Open(device)
	}
	access, config := os.O_RDWR, unix.LoopConfig{}
	if readonly {
		access, config.Info.Flags = os.O_RDONLY, unix.LO_FLAGS_READ_ONLY
	}
	if autoclear {
		config.Info.Flags |= unix.LO_FLAGS_AUTOCLEAR
	}
	backing, err := os.OpenFile(image, access, 0)
	if err != nil {
		return nil, err
	}
	defer backing.Close()
	copy(config.Info.File_name[:len(config.Info.File_name)-1], image)
	config.Fd = uint32(backing.Fd())
	const tries = 100 // another process may take the free device first
	for range tries {
		device, err := freeLoop()
		if err != nil {
			return nil, err
		}
		err = unix.IoctlLoopConfigure(int(device.Fd()), &config)
		if err == nil {
			return device, nil
		}
		_ = device.Close()
		if !errors.Is(err, unix.EBUSY) {
			return nil, fmt.Errorf("attach %s to %s: %w", image, device.Name(), err)
		}
	}
	return nil, fmt.Errorf("attach %s: another process took the free loop device %d times", image, tries)
}

// freeLoop opens a loop device that is not in use.
func freeLoop() (*os.File, error) {
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer control.Close()
	n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
	if err != nil {
		return nil, os.NewSyscallError("ioctl LOOP_CTL_GET_FREE", err)
	}
	return os.OpenFile(fmt.Sprintf("/dev/loop%d", n), os.O_RDWR, 0)
}

// detachLoop detaches the loop device of an image, if there is one.
func detachLoop(image string, readonly bool) error {
	path, err := findLoop(image, readonly)
	if err != nil || path == "" {
		return err
	}
	device, err := os.Open(path)
	if err != nil {
		return err
	}
	defer device.Close()
	return os.NewSyscallError("ioctl LOOP_CLR_FD", unix.IoctlSetInt(int(device.Fd()), unix.LOOP_CLR_FD, 0))
}

// growLoop tells the image's loop device, if there is one, the new size of the image.
func growLoop(image string) error {
	path, err := findLoop(image, false)
	if err != nil || path == "" {
		return err
	}
	device, err := os.Open(path)
	if err != nil {
		return err
	}
	defer device.Close()
	return os.NewSyscallError("ioctl LOOP_SET_CAPACITY", unix.IoctlSetInt(int(device.Fd()), unix.LOOP_SET_CAPACITY, 0))
}
