package csi

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/mctr/mctr"
)

// isPlugin returns true if a container has ROOT/csi with propagation both ways: it is a plugin, whose
// mounts have to appear on the host.
func (i *isolator) isPlugin(config *mctr.ContainerConfig) bool {
	return slices.ContainsFunc(config.Volumes, func(v mctr.Volume) bool {
		return v.Type == mctr.VolumeBind && filepath.Clean(v.Source) == i.Driver.Store.Dir() &&
			slices.Contains(v.Options, "rshared")
	})
}

// sharing returns the file that a container has which is a plugin.
func sharing(h mctr.Handle) string { return filepath.Join(h.State, name, "plugin") }

// share makes ROOT/csi ready for a plugin.
func (i *isolator) share(ctx context.Context, c *mctr.Container) error {
	if !i.isPlugin(c.Config) || c.DryRun {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(sharing(c.Handle)), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(sharing(c.Handle), nil, 0o600); err != nil {
		return err
	}
	return i.Driver.Share(ctx, i.Jobs)
}

// unshare undoes share.
func (i *isolator) unshare(ctx context.Context, h mctr.Handle) error {
	_, err := os.Lstat(sharing(h))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = i.Driver.Unshare(ctx, i.Jobs)
	}
	if err != nil {
		return err
	}
	return os.Remove(sharing(h))
}
