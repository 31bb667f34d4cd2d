// Package bind makes the bind mounts of volumes that are directories or files on the host. It works
// on data: it creates nothing.
package bind

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/saferoot"
)

var (
	propagations = []string{"private", "rprivate", "slave", "rslave", "shared", "rshared"}

	options = slices.Concat([]string{"bind", "rbind"}, propagations, []string{
		"exec", "noexec", "suid", "nosuid", "dev", "nodev", "noatime", "relatime", idmap,
	})
)

// idmap is the option of a volume whose owner on disk is the task's user in the container.
const idmap = "idmap"

// MapOwner adds to m, the mount of v, the mapping that the option idmap asks for (mount_setattr(2),
// MOUNT_ATTR_IDMAP): the owner of source is the user of c's process there, and what this user writes
// belongs to the owner. Files of other owners show the overflow user, 65534, and other users cannot write. owner
// returns the owner of source.
func MapOwner(c *mctr.Container, v mctr.Volume, m *specs.Mount, owner func() (uid, gid uint32, err error)) error {
	if !slices.Contains(v.Options, idmap) {
		return nil
	}
	user, err := saferoot.LookupUser(c.Rootfs, c.User(), nil)
	if err != nil {
		return err
	}
	uid, gid, err := owner()
	if err != nil {
		return err
	}
	m.UIDMappings = []specs.LinuxIDMapping{{ContainerID: uid, HostID: user.UID, Size: 1}}
	m.GIDMappings = []specs.LinuxIDMapping{{ContainerID: gid, HostID: user.GID, Size: 1}}
	return nil
}

// CheckOptions refuses options that a bind mount lacks. The error wraps mctr.ErrInvalid.
func CheckOptions(v mctr.Volume) error {
	for _, o := range v.Options {
		if !slices.Contains(options, o) {
			return fmt.Errorf("%w: volumes.options of %s:%s: unknown option %q (one of %s)", mctr.ErrInvalid,
				v.Source, v.Target, o, strings.Join(options, ", "))
		}
	}
	return nil
}

// Groups returns the groups by which the volumes of an isolator are shared.
func Groups(volumes []mctr.Volume, mine func(mctr.Volume) bool) (groups []uint32) {
	for _, v := range volumes {
		if mine(v) && v.GID != nil {
			groups = append(groups, *v.GID)
		}
	}
	return groups
}

// Mount returns the mount of source, a path on the host, for v. As docker does, it includes mounts below
// the source, unless the options exclude them, and a read-only mount makes these read-only too.
func Mount(v mctr.Volume, source string) specs.Mount {
	o, readOnly := slices.Clone(v.Options), "ro"
	if !slices.Contains(o, "bind") {
		readOnly = "rro"
		if !slices.Contains(o, "rbind") {
			o = append(o, "rbind")
		}
	}
	if !slices.ContainsFunc(o, func(s string) bool { return slices.Contains(propagations, s) }) {
		o = append(o, "rprivate")
	}
	if v.ReadOnly {
		o = append(o, readOnly)
	}
	return specs.Mount{Destination: filepath.Clean(v.Target), Type: "bind", Source: source, Options: o}
}
