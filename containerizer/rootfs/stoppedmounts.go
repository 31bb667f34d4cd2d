package rootfs

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/helper"
	"github.com/mctr/mctr/internal/saferoot"
	"github.com/mctr/mctr/provisioner"
)

// volumeTime is how long the source of a volume may take to answer.
const volumeTime = 5 * time.Second

// stoppedMounts are the volumes of a container that does not run, those above
// before those below, and all of its mounts by their place: why each is not there,
// "" for the volumes.
func (f *Files) stoppedMounts(ctx context.Context, r *store.Record) (
	volumes []provisioner.Volume, mounts map[string]string) {
	found := map[string]provisioner.Volume{}
	mounts = f.madeMounts(r, found)
	for _, m := range r.Config.Mounts {
		v, why := f.volume(ctx, r, m)
		mounts[v.Target] = why
		if delete(found, v.Target); why == "" {
			found[v.Target] = v
		}
	}
	for _, v := range found {
		volumes = append(volumes, v)
	}
	slices.SortFunc(volumes, func(a, b provisioner.Volume) int { return cmp.Compare(a.Target, b.Target) })
	return volumes, mounts
}

// madeMounts are those of the last launch. What isolators made in the container's
// directory, its sandbox among it, is there as long as the container is.
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
		if _, err := os.Lstat(m.Source); err == nil { // a launch that failed takes it away
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

// volume is a mount that was asked for; why is the reason that it is not there.
func (f *Files) volume(ctx context.Context, r *store.Record, m mctr.Mount) (v provisioner.Volume, why string) {
	v = provisioner.Volume{Path: m.Source, Target: path.Clean(m.Target), ReadOnly: m.ReadOnly,
		Alone: slices.Contains(m.Options, "bind")}
	var err error
	switch m.Type {
	case "bind":
		v.Root, err = "/", f.answers(ctx, m.Source)
	case "sandbox":
		v.Root, err = f.sandboxVolume(r.ID, m.Source)
	case "parent-sandbox":
		v.Root, err = f.sandboxVolume(r.ID.Parent(), m.Source)
	default:
		return v, onlyRunning(m.Type, m.Source)
	}
	if err != nil {
		why = fmt.Sprintf("%s %s: %v", m.Type, m.Source, err)
	}
	return v, why
}

// answers looks at a path of the host's, without ever hanging on it.
func (f *Files) answers(ctx context.Context, source string) error {
	program, err := f.helper()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, volumeTime)
	defer cancel()
	return (&helper.Runner{Helper: program}).Probe(ctx, source)
}

// sandboxVolume is the sandbox that source is in, if it is.
func (f *Files) sandboxVolume(id mctr.ContainerID, source string) (string, error) {
	if id == "" {
		return "", fmt.Errorf("%w: the container is not nested", mctr.ErrInvalid)
	}
	sandbox := f.store.Container(id).Sandbox()
	opened, err := saferoot.Open(sandbox, source, 0)
	if err != nil {
		return "", err
	}
	return sandbox, opened.Close()
}
