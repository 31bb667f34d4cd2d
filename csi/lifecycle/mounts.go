package lifecycle

import (
	"fmt"
	"io/fs"
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
	mount := table.at(target)
	if v.r.Volume.IsBlock() {
		info, err := os.Stat(target)
		if err != nil || info.Mode()&fs.ModeDevice == 0 || info.Mode()&fs.ModeCharDevice != 0 {
			return bad("%s is not a block device", target)
		}
	} else if mount == nil {
		return bad("%s is not a mount: a container would write to the host's disk "+
			"(do the plugin's mounts propagate to the host?)", target)
	}
	if mount == nil {
		return nil // a device node that the plugin has made
	}
	if other := v.shownBy(table, mount); other != "" {
		return bad("%s shows what another volume shows at %s", target, other)
	}
	if v.r.Volume.IsBlock() {
		return nil
	}
	if v.r.Staging != nil {
		if staged := table.at(v.r.Staging.Path); staged != nil {
			if !placeOf(mount).within(placeOf(staged)) {
				return bad("%s is not a mount of what is staged at %s", target, staged.Mountpoint)
			}
			return nil
		}
	}
	if placeOf(mount).within(table.placeAt(v.store.Dir())) {
		return bad("%s is a directory of the host's disk, %s", target, mount.Root)
	}
	return nil
}

// shownBy returns the mount of another volume that shows the same as mount, "" if there is none.
func (v *volume) shownBy(table mounts, mount *mountinfo.Info) string {
	for _, other := range table {
		ours := below(other.Mountpoint, v.store.TargetDir(v.r)) || below(other.Mountpoint, v.store.StagingPath(v.r))
		if !ours && below(other.Mountpoint, v.store.Dir()) && placeOf(other) == placeOf(mount) {
			return other.Mountpoint
		}
	}
	return ""
}
