package api

import (
	"io/fs"
	"time"
)

// The arguments and answers of the calls that copy files.
type (
	// A Stat looks at a path in a container.
	Stat struct {
		ContainerID ContainerID `json:"container_id"`
		Path        string      `json:"path"`
		FollowLink  bool        `json:"followLink,omitempty"`
	}
	// A PathStat is what is there.
	PathStat struct {
		Name       string      `json:"name"`
		Size       int64       `json:"size"`
		Mode       fs.FileMode `json:"mode"` // Go's bits
		Mtime      time.Time   `json:"mtime"`
		LinkTarget string      `json:"linkTarget,omitempty"`
	}
	// A CopyFrom asks for a file or directory as a tar stream.
	CopyFrom struct {
		ContainerID ContainerID `json:"container_id"`
		Path        string      `json:"path"`
		Name        string      `json:"name,omitempty"` // in the stream; default: the last part of path
		FollowLink  bool        `json:"followLink,omitempty"`
	}
	// A CopyTo unpacks a tar stream into a directory.
	CopyTo struct {
		ContainerID ContainerID `json:"container_id"`
		Path        string      `json:"path"`
		Archive     bool        `json:"archive,omitempty"` // keep owners
	}
)
