package mctr

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// A DeviceNode is a device node in a container.
type DeviceNode struct {
	Path         string // in the container
	Mode         uint32 // st_mode: kind and permissions
	Major, Minor int64
	UID, GID     uint32
}

// Nodes returns the nodes that d names on the host: one, or those in and below a directory. Symbolic
// links in Source are followed, those in the directory are not. The error wraps ErrInvalid.
func (d Device) Nodes() ([]DeviceNode, error) {
	target := d.Target
	if target == "" {
		target = d.Source
	}
	if !filepath.IsAbs(d.Source) || !filepath.IsAbs(target) {
		return nil, fmt.Errorf("%w: config.devices %s:%s: paths must be absolute", ErrInvalid, d.Source, target)
	}
	if strings.Trim(d.Permissions, "rwm") != "" {
		return nil, fmt.Errorf("%w: config.devices %s: permissions %q are not of r, w, m", ErrInvalid, d.Source,
			d.Permissions)
	}
	source, err := filepath.EvalSymlinks(d.Source)
	if err != nil {
		return nil, fmt.Errorf("%w: config.devices %s: %w", ErrInvalid, d.Source, err)
	}
	var nodes []DeviceNode
	err = filepath.WalkDir(source, func(path string, _ fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // the device was removed meanwhile
		}
		if err != nil {
			return err
		}
		node, ok, err := deviceNode(path)
		if ok {
			node.Path = filepath.Join(target, strings.TrimPrefix(path, source))
			nodes = append(nodes, node)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%w: config.devices %s: %w", ErrInvalid, d.Source, err)
	}
	if len(nodes) == 0 {
		return nil, fmt.Errorf("%w: config.devices %s is not a device node", ErrInvalid, d.Source)
	}
	return nodes, nil
}

func deviceNode(path string) (node DeviceNode, ok bool, err error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return node, false, nil
		}
		return node, false, err
	}
	if kind := st.Mode & unix.S_IFMT; kind != unix.S_IFCHR && kind != unix.S_IFBLK {
		return node, false, nil
	}
	return DeviceNode{
		Mode: st.Mode, Major: int64(unix.Major(st.Rdev)), Minor: int64(unix.Minor(st.Rdev)), UID: st.Uid, GID: st.Gid,
	}, true, nil
}
