package files

import (
	"context"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/logs"
)

// Containers is what is asked for sandboxes and logs; a containerizer is one.
type Containers interface {
	Containers() ([]mctr.ContainerID, error)
	Status(ctx context.Context, id mctr.ContainerID) (*mctr.Status, error)
	Logs(ctx context.Context, id mctr.ContainerID, o logs.ReadOptions, emit func(logs.Entry) error) error
}

// A Tree is the sandboxes of containers.
type Tree struct{ Containers Containers }

// An Info is what is known of a file.
type Info struct {
	Path  string
	Mode  uint32 // as stat(2) gives it
	Size  int64
	Mtime time.Time
	Nlink uint64
	UID   uint32
	GID   uint32
}

const (
	top     = "containers"
	sandbox = "sandbox"
)

// streams are the files of a sandbox that the log stands behind.
var streams = map[string]logs.Stream{"stdout": logs.Stdout, "stderr": logs.Stderr}

// A place is a parsed virtual path.
type place struct {
	id   mctr.ContainerID // "": /containers
	in   bool             // at or below the sandbox
	rest string           // the path in the sandbox; "" is itself
}

// parse reads a virtual path. What is not plainly one is refused, so that a path
// is never read in two ways.
func parse(name string) (p place, err error) {
	parts := strings.Split(strings.Trim(name, "/"), "/")
	for _, part := range parts {
		if part == ".." || part == "." || part == "" || strings.Contains(part, "\x00") {
			return p, fmt.Errorf("%w: path %q: want a file below /containers/ID/sandbox, without . and .. in its path",
				mctr.ErrInvalid, name)
		}
	}
	if !strings.HasPrefix(name, "/") || parts[0] != top || len(parts) > 2 && parts[2] != sandbox {
		return p, fmt.Errorf("%w: path %q: there is /containers/ID/sandbox", mctr.ErrNotFound, name)
	}
	if len(parts) > 1 {
		p.id = mctr.ContainerID(parts[1])
		if err := p.id.Validate(); err != nil {
			return p, fmt.Errorf("%w: path %q: no such container", mctr.ErrNotFound, name)
		}
	}
	if len(parts) > 2 {
		p.in, p.rest = true, path.Join(parts[3:]...)
	}
	return p, nil
}

// path is the virtual path of a file in the place.
func (p place) path(name string) string {
	switch {
	case p.id == "":
		return path.Join("/", top, name)
	case !p.in:
		return path.Join("/", top, string(p.id), name)
	}
	return path.Join("/", top, string(p.id), sandbox, p.rest, name)
}

// missing is the error for a file that is not there.
func (p place) missing() error {
	return fmt.Errorf("%w: no such file: %s", mctr.ErrNotFound, p.path(""))
}
