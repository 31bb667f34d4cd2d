package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/csi"
	"github.com/mctr/mctr/internal/failpoint"
	"github.com/mctr/mctr/internal/flock"
)

// A volume is a locked volume and its record.
type volume struct {
	*work
	r       *csi.Record
	lock    *flock.Lock
	durable bool // the next write has something that outlives a reboot
	found   bool // mountinfo has what the record lacked
}

// open locks the volume that the request is about, and reads its record. A volume with an id, which
// was made before, needs no record.
func (w *work) open(ctx context.Context) (*volume, error) {
	wanted := w.request.Volume
	v, err := w.openKey(ctx, wanted.Key())
	if errors.Is(err, fs.ErrNotExist) {
		if wanted.ID == "" {
			v.close()
			return nil, &csi.Error{Kind: csi.KindNotFound, Volume: wanted.String(),
				Message: "it has no record (create it)"}
		}
		v.r = &csi.Record{Boot: w.boot, Volume: *wanted, ID: wanted.ID, Context: wanted.Context,
			References: map[mctr.ContainerID]*csi.Reference{}}
		err = nil
	}
	if err == nil {
		err = v.r.Volume.Matches(wanted)
	}
	if err == nil && wanted.SecretNames != nil {
		v.r.Volume.SecretNames = wanted.SecretNames
	}
	if err == nil {
		err = v.rebuild()
	}
	if err != nil {
		v.close()
		return nil, err
	}
	return v, nil
}

// openKey locks a volume and reads its record. With fs.ErrNotExist the volume is locked.
func (w *work) openKey(ctx context.Context, key string) (*volume, error) {
	lock, err := w.store.Lock(ctx, key)
	if err != nil {
		return nil, err
	}
	v := &volume{work: w, lock: lock}
	v.r, err = w.store.Read(key)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		v.close()
		return nil, err
	}
	return v, err
}

// close unlocks the volume.
func (v *volume) close() {
	if v != nil {
		v.store.Unlock(v.lock)
	}
}

// write writes the record and passes a failpoint.
func (v *volume) write(point string) error {
	if err := v.store.Write(v.r, v.durable); err != nil {
		return err
	}
	v.durable = false
	return failpoint.Hit("csi/" + point)
}

// rebuild makes the record agree with the kernel: it drops what an earlier boot ended, and adds the
// mounts that the record lacks.
func (v *volume) rebuild() error {
	table, err := readMounts()
	if err != nil {
		return err
	}
	for _, path := range v.r.DropEarlierBoot(v.boot) {
		if table.at(path) == nil {
			if err := removeEmpty(path); err != nil {
				return err
			}
		}
	}
	if v.r.ID == "" {
		return nil
	}
	for container, target := range table.targets(v.store.TargetDir(v.r)) {
		if v.r.References[container] == nil {
			v.r.References[container] = &csi.Reference{Step: csi.Done, Target: target, Found: true, Since: time.Now()}
			v.found = true
		}
	}
	if path := v.store.StagingPath(v.r); v.r.Staging == nil && table.at(path) != nil {
		v.r.Staging, v.found = &csi.Staging{Step: csi.Done, Path: path}, true
	}
	return nil
}

// removeEmpty removes an empty directory, or an empty file, which a plugin has left. It follows no
// mount: rmdir(2) and unlink(2) fail at one.
func removeEmpty(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.IsDir() && (!info.Mode().IsRegular() || info.Size() > 0) {
		return fmt.Errorf("%s is neither an empty directory nor an empty file: a container may have written it", path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
