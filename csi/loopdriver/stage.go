package loopdriver

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/mctr/mctr/internal/dirs"
)

// NodeStageVolume attaches a volume's loop device, and mounts its filesystem at the staging path.
func (d *Driver) NodeStageVolume(_ context.Context, r *csi.NodeStageVolumeRequest) (
	*csi.NodeStageVolumeResponse, error) {
	if err := d.require(Stage); err != nil {
		return nil, err
	}
	if r.GetVolumeId() == "" || !filepath.IsAbs(r.GetStagingTargetPath()) {
		return nil, invalid("volume id and an absolute staging target path are required")
	}
	if err := d.check(r.GetVolumeCapability()); err != nil {
		return nil, err
	}
	v, err := d.usable(r.GetVolumeId(), r.GetVolumeContext(), r.GetPublishContext())
	if err != nil {
		return nil, err
	}
	return &csi.NodeStageVolumeResponse{}, internal(d.stage(v, r.GetStagingTargetPath(), r.GetVolumeCapability()))
}

// usable returns a volume that may be used on this node: attached, if the plugin attaches.
func (d *Driver) usable(id string, ofVolume, ofPublish map[string]string) (*volume, error) {
	v, err := d.volume(id)
	if err != nil {
		return nil, err
	}
	if err := d.checkContexts(id, ofVolume, ofPublish); err != nil {
		return nil, err
	}
	if d.has(Attach) && v.Attached == nil {
		return nil, status.Errorf(codes.FailedPrecondition, "volume %s is not attached to node %s", id, d.Node)
	}
	return v, d.dropStale(v)
}

// stage makes the volume's filesystem visible at path, or its device available.
func (d *Driver) stage(v *volume, path string, c *csi.VolumeCapability) error {
	block := c.GetBlock() != nil
	wanted := staging{Path: path, Capability: key(c), Block: block}
	if v.Staged != nil {
		if *v.Staged != wanted {
			return status.Errorf(codes.AlreadyExists, "volume %s is staged at %s with other properties", v.ID,
				v.Staged.Path)
		}
		return nil
	}
	v.Staged = &wanted
	if err := d.save(v); err != nil {
		return err
	}
	device, err := attachLoop(d.image(v.ID), false, !block)
	if err != nil {
		return err
	}
	defer device.Close() // a mount keeps the device
	if block {
		return nil
	}
	if err := d.format(v, device.Name()); err != nil {
		return err
	}
	if err := mountExt4(device.Name(), path, c.GetMount().GetMountFlags()); err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	return giveToGroup(path, c.GetMount().GetVolumeMountGroup())
}

// giveToGroup makes the filesystem at path writable for a group, and gives the group what is created
// in it (volume_mount_group).
func giveToGroup(path, group string) error {
	if group == "" {
		return nil
	}
	gid, err := strconv.Atoi(group)
	if err != nil {
		return invalid("volume_mount_group %q is not valid: want the number of a group", group)
	}
	if err := os.Chown(path, -1, gid); err != nil {
		return err
	}
	return os.Chmod(path, 0o775|os.ModeSetgid)
}

// isStaged returns true if the kernel has what the record of v says is staged.
func (d *Driver) isStaged(v *volume) (bool, error) {
	if !v.Staged.Block {
		return mounted(v.Staged.Path)
	}
	device, err := findLoop(d.image(v.ID), false)
	return device != "", err
}

// NodeUnstageVolume undoes NodeStageVolume.
func (d *Driver) NodeUnstageVolume(_ context.Context, r *csi.NodeUnstageVolumeRequest) (
	*csi.NodeUnstageVolumeResponse, error) {
	if err := d.require(Stage); err != nil {
		return nil, err
	}
	if r.GetVolumeId() == "" || r.GetStagingTargetPath() == "" {
		return nil, invalid("volume id and staging target path are required")
	}
	v, err := d.volume(r.GetVolumeId())
	if err != nil {
		return nil, err
	}
	if err := d.dropStale(v); err != nil {
		return nil, err
	}
	switch {
	case v.Staged == nil || v.Staged.Path != r.GetStagingTargetPath():
		return &csi.NodeUnstageVolumeResponse{}, d.save(v)
	case len(v.Published) > 0:
		return nil, status.Errorf(codes.FailedPrecondition, "volume %s is published", v.ID)
	}
	return &csi.NodeUnstageVolumeResponse{}, internal(d.unstage(v))
}

func (d *Driver) unstage(v *volume) error {
	if err := unmount(v.Staged.Path); err != nil {
		return err
	}
	if err := detachLoop(d.image(v.ID), false); err != nil {
		return fmt.Errorf("volume %s: %w", v.ID, err)
	}
	v.Staged = nil
	return d.save(v)
}

// stageInternally stages a volume at a path of the plugin, if the plugin has no staging of its own.
func (d *Driver) stageInternally(v *volume, c *csi.VolumeCapability) error {
	path := filepath.Join(d.Dir, "mounts", v.ID)
	if err := dirs.MakeAll(path, 0o700); err != nil {
		return err
	}
	return d.stage(v, path, c)
}

// unstageInternally undoes stageInternally with the last publication.
func (d *Driver) unstageInternally(v *volume) error {
	if v.Staged == nil || len(v.Published) > 0 {
		return nil
	}
	path := v.Staged.Path
	if err := d.unstage(v); err != nil {
		return err
	}
	return os.Remove(path)
}
