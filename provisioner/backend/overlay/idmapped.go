package overlay

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/ownthread"
	"github.com/mctr/mctr/provisioner/backend"
)

// mountMapped mounts the overlay on layers that are idmapped mounts. It makes these in a mount
// namespace of its own, each over its layer's directory. They disappear with the namespace, while
// the overlay keeps private copies.
func mountMapped(s stack) error {
	ns, err := userNamespace(s.ids)
	if err != nil {
		return fmt.Errorf("make user namespace: %w", err)
	}
	defer ns.Close()
	m := -1
	err = ownthread.Run(unix.CLONE_NEWNS, func() (err error) {
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			return os.NewSyscallError("mount / private", err)
		}
		for _, dir := range s.lowers {
			if err := remap(dir, int(ns.Fd())); err != nil {
				return unsupported(err, ": layers cannot be mapped to the user namespace")
			}
		}
		m, err = build(s)
		return err
	})
	if errors.Is(err, errOld) {
		return fmt.Errorf("%w: %w", mctr.ErrUnsupported, err)
	}
	if err != nil {
		return err
	}
	defer unix.Close(m)
	return s.attach(m)
}

// remap mounts dir over itself with ids mapped by the user namespace ns.
func remap(dir string, ns int) error {
	tree, err := unix.OpenTree(unix.AT_FDCWD, dir, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("open_tree", err)
	}
	defer unix.Close(tree)
	attr := &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(ns)}
	if err := unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH, attr); err != nil {
		return os.NewSyscallError("mount_setattr", err)
	}
	return os.NewSyscallError("move_mount", unix.MoveMount(tree, "", unix.AT_FDCWD, dir, unix.MOVE_MOUNT_F_EMPTY_PATH))
}

// userNamespace makes a user namespace with the given maps. The kernel needs a process in it: this
// program is started again, traced, so that it stops before it runs.
func userNamespace(ids *backend.IDMap) (*os.File, error) {
	runtime.LockOSThread() // ptrace(2) binds the tracee to the thread
	defer runtime.UnlockOSThread()
	p, err := os.StartProcess("/proc/self/exe", []string{"mctr-userns"}, &os.ProcAttr{Sys: &syscall.SysProcAttr{
		Cloneflags:                 syscall.CLONE_NEWUSER,
		UidMappings:                mappings(ids.UIDs),
		GidMappings:                mappings(ids.GIDs),
		GidMappingsEnableSetgroups: true,
		Ptrace:                     true,
		Pdeathsig:                  syscall.SIGKILL,
	}})
	if err != nil {
		return nil, err
	}
	ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/user", p.Pid))
	killErr := p.Kill()
	_, waitErr := p.Wait()
	if err = errors.Join(err, killErr, waitErr); err != nil && ns != nil {
		_ = ns.Close()
	}
	return ns, err
}

func mappings(all []specs.LinuxIDMapping) []syscall.SysProcIDMap {
	var m []syscall.SysProcIDMap
	for _, i := range all {
		m = append(m, syscall.SysProcIDMap{ContainerID: int(i.ContainerID), HostID: int(i.HostID), Size: int(i.Size)})
	}
	return m
}
