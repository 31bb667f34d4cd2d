package api

import (
	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// The arguments and answers of the calls on named volumes.
type (
	// A VolumeName names a volume.
	VolumeName struct {
		Name string `json:"name"`
	}
	// A VolumeSize is a volume and its new size.
	VolumeSize struct {
		Name string `json:"name"`
		Size int64  `json:"size"` // bytes
	}
	// A VolumeQuery selects what is returned of each volume.
	VolumeQuery struct {
		Usage bool `json:"usage,omitempty"` // count the files of each
	}
	// NamedVolumes are all named volumes.
	NamedVolumes struct {
		Volumes []mctr.VolumeDetails `json:"volumes"`
		Error   *wire.Error          `json:"error,omitempty"` // about volumes that cannot be read
	}
)
