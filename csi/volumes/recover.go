package volumes

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"

	"github.com/moby/sys/mountinfo"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/csi"
)

// A Use is a volume that a container has, or is about to have.
type Use struct {
	Key       string // of the volume
	Volume    csi.Volume
	Container mctr.ContainerID
	Target    string
}

// Held returns what is published, by records and by mountinfo, sorted by volume and container. It asks
// no plugin. The error is about records that cannot be read.
func (d *Driver) Held() (held []Use, err error) {
	now, err := d.look()
	if err != nil {
		return nil, err
	}
	err = d.each(func(key string, r *csi.Record) {
		holders := now.holders(r)
		for _, id := range slices.Sorted(maps.Keys(holders)) {
			held = append(held, Use{Key: key, Volume: r.Volume, Container: id, Target: holders[id]})
		}
	})
	return held, err
}

// Stale returns the volumes that are attached or staged, and that no container has: their release was
// cut off, or the host was rebooted.
func (d *Driver) Stale() (stale []csi.Volume, err error) {
	now, err := d.look()
	if err != nil {
		return nil, err
	}
	err = d.each(func(_ string, r *csi.Record) {
		staged := r.Staging != nil && r.Boot == now.boot
		if len(now.holders(r)) == 0 && (staged || r.Attachment != nil) {
			stale = append(stale, r.Volume)
		}
	})
	return stale, err
}

// Release detaches and unstages the volumes of a plugin that no container has.
func (d *Driver) Release(ctx context.Context, plugin string) error {
	registration, err := d.Plugins.Get(plugin)
	if err != nil {
		return err
	}
	held, err := d.Held()
	if err != nil {
		return err
	}
	r := &csi.Request{Verb: csi.VerbRecover, Plugin: registration.Plugin, VolumeSecrets: map[string]csi.Secrets{}}
	for _, use := range held {
		r.Live = append(r.Live, use.Container)
	}
	var errs []error
	err = d.each(func(key string, record *csi.Record) {
		if record.Volume.Plugin == plugin {
			secrets, err := resolve(csi.VerbDelete, record.Volume.SecretNames)
			r.VolumeSecrets[key] = secrets
			errs = append(errs, err)
		}
	})
	errs = append(errs, err)
	answer, err := d.run(ctx, r)
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	for _, name := range slices.Sorted(maps.Keys(answer.Recovered.Queued)) {
		errs = append(errs, fmt.Errorf("release %s: %w", name, answer.Recovered.Queued[name]))
	}
	return errors.Join(errs...)
}

// each calls f for every record that can be read.
func (d *Driver) each(f func(key string, r *csi.Record)) error {
	keys, err := d.Store.Keys()
	errs := []error{err}
	for _, key := range keys {
		r, err := d.Store.Read(key)
		if err == nil {
			f(key, r)
		} else if !errors.Is(err, fs.ErrNotExist) { // deleted meanwhile
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// A moment is what the kernel says of volumes at one time.
type moment struct {
	store *csi.Store
	boot  string
	// targets has what is mounted in each directory of targets, by container.
	targets map[string]map[mctr.ContainerID]string
}

// look reads mountinfo, once for all volumes.
func (d *Driver) look() (*moment, error) {
	boot, err := csi.Boot()
	if err != nil {
		return nil, err
	}
	now := &moment{store: d.Store, boot: boot, targets: map[string]map[mctr.ContainerID]string{}}
	mounts, err := mountinfo.GetMounts(mountinfo.PrefixFilter(filepath.Join(d.Store.Dir(), "targets")))
	for _, m := range mounts {
		dir, id := filepath.Dir(m.Mountpoint), mctr.ContainerID(filepath.Base(m.Mountpoint))
		if id.Validate() != nil {
			continue
		}
		if now.targets[dir] == nil {
			now.targets[dir] = map[mctr.ContainerID]string{}
		}
		now.targets[dir][id] = m.Mountpoint
	}
	return now, err
}

// holders returns the targets of a volume by container: those in its record, unless they ended with an
// earlier boot, and those in mountinfo.
func (m *moment) holders(r *csi.Record) map[mctr.ContainerID]string {
	held := map[mctr.ContainerID]string{}
	if r.ID != "" {
		maps.Copy(held, m.targets[m.store.TargetDir(r)])
	}
	if r.Boot == m.boot {
		for id, reference := range r.References {
			held[id] = reference.Target
		}
	}
	return held
}
