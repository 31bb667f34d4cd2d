package api

import (
	"io/fs"
	"time"
)

// The arguments and answers of the calls that copy files.
type (
	// A Stat asks for the type, size and mode of a file in a container.
	Stat struct {
		ContainerID ContainerID `json:"container_id"`
		// Path starts at the container's root. Links are resolved within that root.
		Path string `json:"path"`
		// FollowLink follows a symbolic link at the end of the path.
		FollowLink bool `json:"follow_link,omitempty"`
	}
	// A PathStat describes a file.
	PathStat struct {
		Name       string      `json:"name"`
		Size       int64       `json:"size"`
		Mode       fs.FileMode `json:"mode"` // bits of Go's fs.FileMode
		Mtime      time.Time   `json:"mtime"`
		LinkTarget string      `json:"link_target,omitempty"` // target of a symbolic link
	}
	// A CopyFrom asks for a file or directory as a tar stream.
	CopyFrom struct {
		ContainerID ContainerID `json:"container_id"`
		Path        string      `json:"path"`
		Name        string      `json:"name,omitempty"` // name in the stream; default: last part of path
		FollowLink  bool        `json:"follow_link,omitempty"`
	}
	// A CopyTo unpacks a tar stream into a directory.
	CopyTo struct {
		ContainerID ContainerID `json:"container_id"`
		Path        string      `json:"path"`              // existing directory
		Archive     bool        `json:"archive,omitempty"` // keep owners; by default all files belong to root
	}
)
