package lifecycle

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/moby/sys/mountinfo"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/csi"
)

// mounts are the mounts of this mount namespace (proc_pid_mountinfo(5)), in the order of mounting. To
// look at them cannot hang, as a stat of a mount can whose server is gone.
type mounts []*mountinfo.Info

func readMounts() (mounts, error) { return mountinfo.GetMounts(nil) }

// at returns the uppermost mount at path, nil if there is none.
func (m mounts) at(path string) *mountinfo.Info {
	for i := len(m) - 1; i >= 0; i-- {
		if m[i].Mountpoint == path {
			return m[i]
		}
	}
	return nil
}

// targets returns the mounts in a directory of targets by the container whose they are.
func (m mounts) targets(dir string) map[mctr.ContainerID]string {
	found := map[mctr.ContainerID]string{}
	for _, mount := range m {
		id := mctr.ContainerID(filepath.Base(mount.Mountpoint))
		if filepath.Dir(mount.Mountpoint) == dir && id.Validate() == nil {
			found[id] = mount.Mountpoint
		}
	}
	return found
}

// A place is a directory of a filesystem, whatever it is mounted as.
type place struct {
	major, minor int
	root         string
}

func placeOf(m *mountinfo.Info) place { return place{m.Major, m.Minor, m.Root} }

// within returns true if p is q or below it.
func (p place) within(q place) bool {
	return p.major == q.major && p.minor == q.minor && below(p.root, q.root)
}

func below(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}

// placeAt returns where path is, by the mount that has it.
func (m mounts) placeAt(path string) place {
	var best *mountinfo.Info
	for _, mount := range m {
		if below(path, mount.Mountpoint) && (best == nil || len(mount.Mountpoint) >= len(best.Mountpoint)) {
			best = mount
		}
	}
	if best == nil {
		return place{}
	}
	p := placeOf(best)
	rest, _ := filepath.Rel(best.Mountpoint, path)
	p.root = filepath.Join(p.root, rest)
	return p
}

// verify fails unless the target shows the volume: a plugin may answer that it has published and have
// mounted nothing, a directory of the host that was to have the volume, or another volume.
func (v *volume) verify(target string) error {
	table, err := readMounts()
	if err != nil {
		return err
	}
	bad := func(format string, args ...any) error {
		return &csi.Error{Kind: csi.KindPlugin, Call: "NodePublishVolume", Volume: v.r.Volume.String(),
			Message: fmt.Sprintf("the plugin says that it has published, but "+format, args...)}
	}
	mount, block := table.at(target), v.r.Volume.IsBlock()
	switch {
	case block && !isDevice(target):
		return bad("%s is not a block device", target)
	case block && mount == nil:
		return nil // a device node that the plugin has made
	case mount == nil:
		return bad("%s is not a mount: a container would write to the host's disk "+
			"(do the plugin's mounts propagate to the host?)", target)
	}
	if staged := v.staged(table); staged != nil && !block {
		if !placeOf(mount).within(placeOf(staged)) {
			return bad("%s is not a mount of what is staged at %s", target, staged.Mountpoint)
		}
		return nil
	}
	other, err := v.shownBy(table, mount)
	switch {
	case err != nil:
		return err
	case other != "":
		return bad("%s shows what another volume shows at %s", target, other)
	case !block && placeOf(mount).within(table.placeAt(v.store.Dir())):
		return bad("%s is a directory of the host's disk, %s", target, mount.Root)
	}
	return nil
}

func isDevice(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode()&(fs.ModeDevice|fs.ModeCharDevice) == fs.ModeDevice
}

// staged returns what the plugin has mounted at the staging path, nil if it has mounted nothing there.
func (v *volume) staged(table mounts) *mountinfo.Info {
	if v.r.Staging == nil {
		return nil
	}
	return table.at(v.r.Staging.Path)
}

// shownBy returns the mount of another volume that shows the same as mount, "" if there is none. Two
// volumes with one volume context may show the same: an export that is known by two ids.
func (v *volume) shownBy(table mounts, mount *mountinfo.Info) (string, error) {
	for _, other := range table {
		dir := filepath.Dir(other.Mountpoint)
		if dir == v.store.TargetDir(v.r) || !below(dir, v.store.Dir()) || placeOf(other) != placeOf(mount) {
			continue
		}
		same, err := v.sameContext(dir)
		if err != nil || !same {
			return other.Mountpoint, err
		}
	}
	return "", nil
}

// sameContext returns true if the volume whose targets are in dir has the volume context of v.
func (v *volume) sameContext(dir string) (bool, error) {
	keys, err := v.store.Keys()
	for _, key := range keys {
		if r, err := v.store.Read(key); err == nil && v.store.TargetDir(r) == dir {
			return len(r.Context) > 0 && maps.Equal(r.Context, v.r.Context), nil
		}
	}
	return false, err
}
