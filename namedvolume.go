package mctr

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"regexp"
	"time"
)

// DriverLocal is the driver of volumes that are directories of this host.
const DriverLocal = "local"

// A NamedVolume is storage that outlives the containers that use it.
type NamedVolume struct {
	Name    string            `json:"name"`
	Driver  string            `json:"driver"` // local, or the name of a VolumeDriver
	Labels  map[string]string `json:"labels,omitempty"`
	Options map[string]string `json:"options,omitempty"` // of the driver; never secrets
	Size    int64             `json:"size,omitempty"`    // bytes that it can hold; 0: no limit
	Inodes  int64             `json:"inodes,omitempty"`  // files that it can hold; 0: no limit
	Created time.Time         `json:"created,omitzero"`

	// Container is the container that an anonymous volume was made for, and is removed with.
	Container ContainerID `json:"container,omitempty"`
}

// IsLimited returns true if the kernel limits what v can hold.
func (v NamedVolume) IsLimited() bool { return v.Size != 0 || v.Inodes != 0 }

// A VolumeDriver makes and removes the storage of named volumes. An isolator mounts the volumes; the
// driver's name is the type of these volumes in configs. Its methods are safe for concurrent use; the
// calls for one volume come one after another.
type VolumeDriver interface {
	// Name returns the name of the driver in a NamedVolume.
	Name() string
	// Create makes the storage of v and returns v, with options added that the driver needs to find the
	// storage again. It is called again with the same v if it failed or was killed. The error wraps
	// ErrInvalid for options that the driver does not have.
	Create(ctx context.Context, v NamedVolume) (NamedVolume, error)
	// Remove removes the storage of v. It succeeds if there is none, and is also called for a Create
	// that failed or was killed.
	Remove(ctx context.Context, v NamedVolume) error
	// Usage returns what v occupies; nil if the driver cannot know it.
	Usage(ctx context.Context, v NamedVolume) (*VolumeUsage, error)
}

// A VolumeExpander is a VolumeDriver whose volumes can grow.
type VolumeExpander interface {
	// Expand makes v larger and returns it with its new size, which is at least size. It is called again
	// with the same v if it failed or was killed. The error wraps ErrState if v is in use and can only
	// grow otherwise.
	Expand(ctx context.Context, v NamedVolume, size int64) (NamedVolume, error)
}

// A VolumeDetails is a named volume with its files on the host, and the containers that use it, whether
// these run or not.
type VolumeDetails struct {
	NamedVolume
	Path       string        `json:"path"` // of the files on this host; "": they are not on this host
	Containers []ContainerID `json:"containers"`
	Usage      *VolumeUsage  `json:"usage,omitempty"` // nil: not asked for, or not known
}

// A VolumeUsage is what the files of a volume occupy.
type VolumeUsage struct {
	Bytes  int64 `json:"bytes"`  // on disk
	Inodes int64 `json:"inodes"` // files, directories and others
}

var volumeName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`)

// maxVolumeName leaves room for a prefix in the name of a file.
const maxVolumeName = 240

// ValidateVolumeName returns an error that wraps ErrInvalid unless name may be the name of a volume,
// by docker's rules.
func ValidateVolumeName(name string) error {
	if !volumeName.MatchString(name) || len(name) > maxVolumeName {
		return fmt.Errorf("%w: volume name %q: want [a-zA-Z0-9][a-zA-Z0-9_.-]*, at most %d bytes", ErrInvalid, name,
			maxVolumeName)
	}
	return nil
}

// AnonymousVolume returns the name of the anonymous volume of a container at target, 64 hex digits as
// with docker.
func AnonymousVolume(id ContainerID, target string) string {
	sum := sha256.Sum256([]byte(string(id) + "\x00" + path.Clean(target)))
	return hex.EncodeToString(sum[:])
}
