package rootfs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/provisioner"
)

// Export writes an OCI bundle of the container to dir, which must be missing or empty, and is readable
// by its owner only (mode 0700): config.json, and rootfs with the image's files, without what the
// container wrote, for any OCI runtime to run. Files that the spec binds from the container's own
// directory stay there, so that the bundle is valid as long as the container exists.
func (f *Files) Export(ctx context.Context, id mctr.ContainerID, dir string) (err error) {
	r, err := f.store.Container(id).Record()
	if err != nil {
		return err
	}
	launched := f.store.Container(id).Resolved()
	if launched.Spec == nil {
		return fmt.Errorf("%w: container %s was never launched, so it has no bundle", mctr.ErrState, id.Short())
	}
	if r.Config.Image == "" {
		return fmt.Errorf("%w: container %s uses the host's filesystem, which no bundle holds", mctr.ErrUnsupported,
			id.Short())
	}
	undo, err := provisioner.BundleDir(dir)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, undo())
		}
	}()
	rootfs := filepath.Join(dir, "rootfs")
	image, err := f.images.Lease(ctx, string(id), r.Config.Image,
		provisioner.PullOptions{Policy: "never", Platform: r.Config.Platform})
	if err != nil {
		return err
	}
	if err := f.images.Unpack(ctx, image, rootfs); err != nil {
		return err
	}
	spec := *launched.Spec
	linux := *spec.Linux
	linux.CgroupsPath += "-bundle" // the bundle may run beside the container
	spec.Linux = &linux
	data, err := json.MarshalIndent(spec, "", "\t")
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(dir, "config.json"), data, 0o600)
}
