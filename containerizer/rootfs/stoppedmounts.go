package rootfs

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/provisioner"
)

// stoppedMounts returns the volumes of a stopped container, ordered so that none hides
// another, and why each mount of the container, by its target, is absent while the container
// is stopped: "" for the volumes.
func (f *Files) stoppedMounts(ctx context.Context, r *store.Record) (
	volumes []provisioner.Volume, mounts map[string]string) {
	found := map[string]provisioner.Volume{}
	mounts = f.madeMounts(r, found)
	for _, m := range r.Config.Volumes {
		target := path.Clean(m.Target)
		delete(found, target)
		switch v, err := f.volume(ctx, r.ID, m); {
		case err != nil:
			mounts[target] = fmt.Sprintf("%s %s: %v", m.Type, m.Source, err)
		case v == nil:
			mounts[target] = onlyRunning(m.Type, m.Source)
		default:
			mounts[target], found[target] = "", *v
		}
	}
	for _, v := range found {
		volumes = append(volumes, v)
	}
	slices.SortFunc(volumes, func(a, b provisioner.Volume) int { return cmp.Compare(a.Target, b.Target) })
	return volumes, mounts
}

// madeMounts returns the mounts of the last launch, as stoppedMounts does, and adds to found
// those whose source an isolator made in the container's directory, such as the sandbox:
// their files exist as long as the container does.
func (f *Files) madeMounts(r *store.Record, found map[string]provisioner.Volume) map[string]string {
	mounts := map[string]string{}
	spec := f.store.Container(r.ID).Resolved().Spec
	if spec == nil {
		return mounts
	}
	for _, m := range spec.Mounts {
		at := path.Clean(m.Destination)
		mounts[at] = onlyRunning(m.Type, m.Source)
		if m.Type != "bind" || !strings.HasPrefix(m.Source, f.store.Container(r.ID).Dir()+"/") {
			continue
		}
		if _, err := os.Lstat(m.Source); err == nil { // a launch that fails removes it
			mounts[at] = ""
			found[at] = provisioner.Volume{Root: "/", Path: m.Source, Target: at,
				ReadOnly: slices.Contains(m.Options, "ro")}
		}
	}
	return mounts
}

func onlyRunning(kind, source string) string {
	return strings.TrimSpace(kind+" "+source) + ", which is there only while it runs"
}
