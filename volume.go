package mctr

import (
	"fmt"
	"path/filepath"
)

// The types of a Volume. Each is mounted by one isolator of the table.
const (
	VolumeBind          = "bind"           // a directory or file of the host
	VolumeTmpfs         = "tmpfs"          // a filesystem in memory
	VolumeSandbox       = "sandbox"        // a directory in the container's sandbox
	VolumeParentSandbox = "parent-sandbox" // a directory in the sandbox of its parent
)

// A Volume is a directory, a file or a filesystem that the user asks for at a path in the container.
type Volume struct {
	Type     string   `json:"type"`
	Source   string   `json:"source,omitempty"` // absolute host path of a bind; path in a sandbox
	Target   string   `json:"target"`           // path in the container; a relative one is in its sandbox
	ReadOnly bool     `json:"read_only,omitempty"`
	Options  []string `json:"options,omitempty"` // as mount(8): size=, mode=, rprivate, rslave, ...
	Create   bool     `json:"create,omitempty"`  // make a missing bind source, as docker's -v does
}

// CheckVolumeTargets refuses a target at which nothing can be mounted, and two volumes with one
// target. The error wraps ErrInvalid.
func CheckVolumeTargets(volumes []Volume) error {
	seen := map[string]bool{}
	for _, v := range volumes {
		target := filepath.Clean(v.Target)
		switch {
		case !filepath.IsAbs(v.Target) && !filepath.IsLocal(v.Target), target == "/", target == ".":
			return fmt.Errorf("%w: volumes.target %q: must be a path below /, or one in the sandbox", ErrInvalid,
				v.Target)
		case seen[target]:
			return fmt.Errorf("%w: two of config.volumes have the target %s", ErrInvalid, target)
		}
		seen[target] = true
	}
	return nil
}
