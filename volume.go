package mctr

import (
	"fmt"
	"path/filepath"
	"slices"
)

// The types of a Volume. Each is mounted by one isolator of the table.
const (
	VolumeBind          = "bind"           // a directory or file of the host
	VolumeTmpfs         = "tmpfs"          // a filesystem in memory
	VolumeLocal         = "local"          // a named volume of this host, or an anonymous one
	VolumeNamed         = "volume"         // a named volume, whatever its driver; recorded as its driver
	VolumeImage         = "image"          // the root filesystem of another image
	VolumeSandbox       = "sandbox"        // a directory in the container's sandbox
	VolumeParentSandbox = "parent-sandbox" // a directory in the sandbox of its parent
	VolumeSecret        = "secret"         // a read-only file with a secret, in memory
)

// A Volume is a directory, a file or a filesystem that the user asks for at a path in the container.
type Volume struct {
	Type string `json:"type"`
	// Source is the absolute host path of a bind, a path in a sandbox, the reference of an image, the
	// name of a named volume, or the source of a secret; "": an anonymous volume, or a secret with a Value.
	Source   string   `json:"source,omitempty"`
	Target   string   `json:"target"` // path in the container; a relative one is in its sandbox
	ReadOnly bool     `json:"read_only,omitempty"`
	Options  []string `json:"options,omitempty"` // as mount(8): size=, mode=, rprivate, rslave, ...
	Create   bool     `json:"create,omitempty"`  // make a missing bind source, as docker's -v does

	SubPath string `json:"sub_path,omitempty"` // of a named volume or an image: mount only this directory in it
	NoCopy  bool   `json:"no_copy,omitempty"`  // of a named volume: never copy the image's files into it

	Value SecretValue `json:"value,omitempty"` // of a secret
	Mode  string      `json:"mode,omitempty"`  // of a secret, in octal digits; default 0400
	UID   *uint32     `json:"uid,omitempty"`   // owner of a secret; default: the user of the process
	// GID is the group of a secret; default: that of the process. Of a bind, a named volume or a path in
	// a sandbox, it is a group by which tasks with different users share the files: the process is made a
	// member. A new directory belongs to the group, and so does what is made in it (mode 2775).
	GID *uint32 `json:"gid,omitempty"`
}

// CheckVolumes refuses what is wrong with volumes of any type: a target at which nothing can be mounted,
// two volumes with one target, and properties that the type lacks. The error wraps ErrInvalid.
func CheckVolumes(volumes []Volume) error {
	seen := map[string]bool{}
	for _, v := range volumes {
		target := filepath.Clean(v.Target)
		switch {
		case !filepath.IsAbs(v.Target) && !filepath.IsLocal(v.Target), target == "/", target == ".":
			return fmt.Errorf("%w: volumes.target %q: must be a path below /, or one in the sandbox", ErrInvalid,
				v.Target)
		case seen[target]:
			return fmt.Errorf("%w: two of config.volumes have the target %s", ErrInvalid, target)
		case v.Create && v.Type != VolumeBind:
			return lacks(v, "volumes.create")
		case v.NoCopy && slices.Contains(unnamed, v.Type):
			return lacks(v, "volumes.no_copy")
		case v.SubPath != "" && v.Type != VolumeImage && slices.Contains(unnamed, v.Type):
			return lacks(v, "volumes.sub_path")
		case v.Type != VolumeSecret && v.Value != nil:
			return lacks(v, "volumes.value")
		case v.Type != VolumeSecret && (v.Mode != "" || v.UID != nil):
			return lacks(v, "volumes.mode or volumes.uid")
		case v.GID != nil && (v.Type == VolumeTmpfs || v.Type == VolumeImage):
			return lacks(v, "volumes.gid")
		case v.SubPath != "" && !filepath.IsLocal(v.SubPath):
			return fmt.Errorf("%w: volumes.sub_path %q for %s: must be a relative path in the volume", ErrInvalid,
				v.SubPath, v.Target)
		}
		seen[target] = true
	}
	return nil
}

// unnamed are the types of volumes that have no name. Every other type is the driver of a named volume.
var unnamed = []string{VolumeBind, VolumeTmpfs, VolumeImage, VolumeSandbox, VolumeParentSandbox,
	VolumeSecret}

// IsNamed returns true if v's Source is the name of a named volume.
func (v Volume) IsNamed() bool { return v.Source != "" && !slices.Contains(unnamed, v.Type) }

// OutlivesRun returns true if v's files are on the host whether a container runs or not, in a place that
// does not belong to one container alone.
func (v Volume) OutlivesRun() bool { return v.Type == VolumeBind || !slices.Contains(unnamed, v.Type) }

func lacks(v Volume, property string) error {
	return fmt.Errorf("%w: %s: volumes of type %s, such as the one at %s, do not have it", ErrInvalid, property, v.Type,
		v.Target)
}
