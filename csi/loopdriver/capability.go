package loopdriver

import (
	"slices"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/protobuf/encoding/protojson"
)

// check refuses a capability that the plugin does not support, with INVALID_ARGUMENT.
func (d *Driver) check(c *csi.VolumeCapability) error {
	mode := c.GetAccessMode().GetMode()
	newer := mode == csi.VolumeCapability_AccessMode_SINGLE_NODE_SINGLE_WRITER ||
		mode == csi.VolumeCapability_AccessMode_SINGLE_NODE_MULTI_WRITER
	switch {
	case c == nil:
		return invalid("the volume capability is missing")
	case c.GetMount() == nil && c.GetBlock() == nil:
		return invalid("the access type is missing")
	case c.GetBlock() != nil && !d.has(Block):
		return invalid("this plugin has no block volumes")
	case mode == csi.VolumeCapability_AccessMode_UNKNOWN ||
		csi.VolumeCapability_AccessMode_Mode_name[int32(mode)] == "":
		return invalid("the access mode is not valid: %d", mode)
	case newer && !d.has(MultiWriter):
		return invalid("access mode %v needs SINGLE_NODE_MULTI_WRITER", mode)
	case c.GetMount().GetFsType() != "" && c.GetMount().GetFsType() != "ext4":
		return invalid("filesystem %q is not supported: want ext4", c.GetMount().GetFsType())
	case c.GetMount().GetVolumeMountGroup() != "" && !d.has(Group):
		return invalid("this plugin has no volume_mount_group")
	}
	return nil
}

// key returns a capability as text that is equal if the capability is.
func key(c *csi.VolumeCapability) string {
	text, err := protojson.Marshal(c)
	if err != nil {
		return err.Error()
	}
	return string(slices.DeleteFunc(text, func(b byte) bool { return b == ' ' })) // protojson adds some at random
}

// readerOnly returns true for the access modes that never write.
func readerOnly(c *csi.VolumeCapability) bool {
	mode := c.GetAccessMode().GetMode()
	return mode == csi.VolumeCapability_AccessMode_SINGLE_NODE_READER_ONLY ||
		mode == csi.VolumeCapability_AccessMode_MULTI_NODE_READER_ONLY
}

// shared returns true for the access modes by which several workloads of a node may use a volume.
func shared(c *csi.VolumeCapability) bool {
	switch c.GetAccessMode().GetMode() {
	case csi.VolumeCapability_AccessMode_MULTI_NODE_READER_ONLY,
		csi.VolumeCapability_AccessMode_MULTI_NODE_SINGLE_WRITER,
		csi.VolumeCapability_AccessMode_MULTI_NODE_MULTI_WRITER,
		csi.VolumeCapability_AccessMode_SINGLE_NODE_MULTI_WRITER:
		return true
	}
	return false
}
