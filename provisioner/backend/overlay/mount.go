package overlay

import (
	"errors"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// errOld is returned if the kernel does not accept layers one by one.
var errOld = errors.New("kernel has no lowerdir+")

// mount mounts the overlay with fsconfig(2), or with mount(2) on an older kernel.
func mount(s stack) error {
	if s.ids != nil {
		return mountMapped(s)
	}
	m, err := build(s)
	if errors.Is(err, errOld) {
		return mountOld(s)
	}
	if err != nil {
		return err
	}
	defer unix.Close(m)
	return s.attach(m)
}

// attach moves a detached mount to the target.
func (s stack) attach(m int) error {
	return os.NewSyscallError("move_mount",
		unix.MoveMount(m, "", unix.AT_FDCWD, s.target, unix.MOVE_MOUNT_F_EMPTY_PATH))
}

// build makes the overlay as a detached mount and returns its descriptor.
func build(s stack) (int, error) {
	fs, err := unix.Fsopen("overlay", unix.FSOPEN_CLOEXEC)
	if errors.Is(err, unix.ENOSYS) {
		return -1, errOld
	}
	if err != nil {
		return -1, unsupported(err, "")
	}
	defer unix.Close(fs)
	if err := configure(fs, s); err != nil {
		return -1, err
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return -1, unsupported(err, kernelSays(fs))
	}
	attrs := 0
	if s.upper == "" {
		attrs = unix.MOUNT_ATTR_RDONLY
	}
	m, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, attrs)
	return m, os.NewSyscallError("fsmount", err)
}

func configure(fs int, s stack) error {
	for i, dir := range s.lowers {
		err := unix.FsconfigSetString(fs, "lowerdir+", dir)
		if i == 0 && errors.Is(err, unix.EINVAL) && !strings.Contains(kernelSays(fs), "resolve") {
			return errOld
		}
		if err != nil {
			return &os.PathError{Op: "overlay lowerdir", Path: dir, Err: err}
		}
	}
	values := map[string]string{"source": "mctr"}
	if s.upper != "" {
		values["upperdir"], values["workdir"] = escape(s.upper), escape(s.work)
	}
	maps.Copy(values, s.options)
	for _, key := range slices.Sorted(maps.Keys(values)) {
		value := values[key]
		if err := unix.FsconfigSetString(fs, key, value); err != nil {
			return &os.PathError{Op: "overlay " + key, Path: value, Err: unsupported(err, kernelSays(fs))}
		}
	}
	for _, flag := range s.flags {
		if err := unix.FsconfigSetFlag(fs, flag); err != nil {
			return &os.PathError{Op: "overlay option", Path: flag, Err: err}
		}
	}
	return nil
}

// escape escapes the characters that overlayfs reads as separators. lowerdir+ needs no escapes.
func escape(path string) string { return strings.NewReplacer(`\`, `\\`, `:`, `\:`).Replace(path) }

// kernelSays returns the kernel's messages about an error, as " (...)".
func kernelSays(fs int) string {
	var all []string
	buf := make([]byte, 1024)
	for {
		n, err := unix.Read(fs, buf)
		if err != nil || n <= 0 {
			break
		}
		all = append(all, strings.TrimSpace(string(buf[:n])))
	}
	if len(all) == 0 {
		return ""
	}
	return " (the kernel: " + strings.Join(all, "; ") + ")"
}

// mountOld mounts the overlay with mount(2). It names directories by descriptors: these names are
// short, so that more than two hundred fit a page, and need no escapes.
func mountOld(s stack) error {
	var open []*os.File
	defer func() {
		for _, f := range open {
			_ = f.Close()
		}
	}()
	name := func(dir string) (string, error) {
		fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return "", &os.PathError{Op: "open", Path: dir, Err: err}
		}
		open = append(open, os.NewFile(uintptr(fd), dir))
		return "/proc/self/fd/" + strconv.Itoa(fd), nil
	}
	data, err := s.data(name)
	if err != nil {
		return err
	}
	if len(data) >= os.Getpagesize() {
		return unsupported(unix.EINVAL,
			": too many layers for this kernel's mount options (Linux 6.8 has no such limit)")
	}
	var flags uintptr
	if s.upper == "" {
		flags = unix.MS_RDONLY
	}
	if err := unix.Mount("mctr", s.target, "overlay", flags, data); err != nil {
		return unsupported(err, "")
	}
	return nil
}

// data returns the options for mount(2).
func (s stack) data(name func(string) (string, error)) (string, error) {
	var lowers []string
	for _, dir := range s.lowers {
		n, err := name(dir)
		if err != nil {
			return "", err
		}
		lowers = append(lowers, n)
	}
	parts := append([]string{"lowerdir=" + strings.Join(lowers, ":")}, s.flags...)
	if s.upper != "" {
		for key, dir := range map[string]string{"upperdir": s.upper, "workdir": s.work} {
			n, err := name(dir)
			if err != nil {
				return "", err
			}
			parts = append(parts, key+"="+n)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(s.options)) {
		parts = append(parts, key+"="+s.options[key])
	}
	return strings.Join(parts, ","), nil
}
