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
		// Path counts from the container's root, out of which no link leads.
		Path string `json:"path"`
		// FollowLink looks at what a link at the path's end leads to.
		FollowLink bool `json:"follow_link,omitempty"`
	}
	// A PathStat is what is there.
	PathStat struct {
		Name       string      `json:"name"`
		Size       int64       `json:"size"`
		Mode       fs.FileMode `json:"mode"` // as Go's fs.FileMode has it
		Mtime      time.Time   `json:"mtime"`
		LinkTarget string      `json:"link_target,omitempty"` // of a symbolic link
	}
	// A CopyFrom asks for a file or directory as a tar stream.
	CopyFrom struct {
		ContainerID ContainerID `json:"container_id"`
		Path        string      `json:"path"`
		Name        string      `json:"name,omitempty"` // what it is called in the stream; default: the last part of path
		FollowLink  bool        `json:"follow_link,omitempty"`
	}
	// A CopyTo unpacks a tar stream into a directory.
	CopyTo struct {
		ContainerID ContainerID `json:"container_id"`
		Path        string      `json:"path"`              // of a directory that exists
		Archive     bool        `json:"archive,omitempty"` // keep owners; otherwise all is root's
	}
)
