package containerizer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/rootfs"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/dirs"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/provisioner"
)

// provision makes the root filesystem, from the image or the host's filesystem.
func (l *launch) provision(ctx context.Context) error {
	id := l.record.ID
	for _, dir := range []string{l.stored().Bundle(), l.stored().Rootfs(), l.stored().Sandbox(),
		l.stored().RW()} {
		if err := dirs.Make(dir, 0o755); err != nil && !(l.mayHave(dir) && errors.Is(err, fs.ErrExist)) {
			return l.failed(mctr.Provisioning, "containerizer", "make directory", err)
		}
	}
	l.container = &mctr.Container{
		Handle: l.store.HandleOf(id), Config: l.record.Config, Parent: l.parent, HandleOf: l.store.HandleOf,
		DryRun: l.dryRun,
	}
	if !l.dryRun {
		if err := storageOf(l.isolators)(ctx, l.container.Handle, l.record.Config); err != nil {
			return l.failed(mctr.Provisioning, "containerizer", "open the storage", err)
		}
	}
	if err := l.fill(ctx); err != nil {
		return l.failed(mctr.Provisioning, "provisioner", "provide the root filesystem", err)
	}
	if err := l.resolveHealth(); err != nil {
		return l.failed(mctr.Provisioning, "containerizer", "read the health check", err)
	}
	return l.reach(store.Image)
}

// mayHave returns true if the container may have this directory before it is launched: from its
// last run, or because a file was copied to it.
func (l *launch) mayHave(dir string) bool {
	return l.restarts > 0 || dir == l.stored().RW() && l.stored().AwaitsFirstStart()
}

func (l *launch) fill(ctx context.Context) (err error) {
	config, id := l.record.Config, l.record.ID
	if config.Image == "" {
		return rootfs.BindHost(l.stored().Rootfs())
	}
	if l.images == nil {
		return errNoImages
	}
	l.image, err = l.images.Lease(ctx, string(id), l.imageReference(), provisioner.PullOptions{
		Policy: provisioner.PullPolicy(config.Pull), Platform: config.Platform, Progress: l.options.Progress,
	})
	if err != nil {
		return err
	}
	l.container.Image = imageConfig(l.image)
	return l.images.Mount(ctx, l.image, l.stored().RW(), l.stored().Rootfs(),
		provisioner.MountOptions{Volatile: config.Remove})
}

// imageReference returns the image that the config names, or for a restart the id of the image of
// the first run: the tag may have moved.
func (l *launch) imageReference() string {
	if id := l.stored().Resolved().ImageID; id != "" && l.restarts > 0 {
		return id
	}
	return l.record.Config.Image
}

func imageConfig(image *provisioner.Image) *mctr.ImageConfig {
	c := image.Config
	return &mctr.ImageConfig{
		User: c.User, ExposedPorts: c.ExposedPorts, Env: c.Env, Entrypoint: c.Entrypoint, Cmd: c.Cmd,
		Volumes: c.Volumes, WorkingDir: c.WorkingDir, Labels: c.Labels, StopSignal: c.StopSignal,
	}
}

// storageOf returns the function that has the isolators open a container's storage.
func storageOf(table []isolators.Isolator) rootfs.OpenStorage {
	return func(ctx context.Context, h mctr.Handle, config *mctr.ContainerConfig) error {
		for _, i := range table {
			if err := i.(isolators.StorageLimiter).OpenStorage(ctx, h, config); err != nil {
				return fmt.Errorf("%s: %w", i.Name(), err)
			}
		}
		return nil
	}
}
