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

// Containers gives access to sandboxes and logs. A containerizer implements it.
type Containers interface {
	Containers() ([]mctr.ContainerID, error)
	Status(ctx context.Context, id mctr.ContainerID) (*mctr.Status, error)
	Logs(ctx context.Context, id mctr.ContainerID, o logs.ReadOptions, emit func(logs.Entry) error) error
}

// A Tree is the tree of virtual paths, with the sandboxes of all containers.
type Tree struct{ Containers Containers }

// An Info describes a file.
type Info struct {
	Path  string
	Mode  uint32 // type and permissions, as returned by stat(2)
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

// streams maps the virtual files of a sandbox to the streams of the log.
var streams = map[string]logs.Stream{"stdout": logs.Stdout, "stderr": logs.Stderr}

// A place is a parsed virtual path.
type place struct {
	id   mctr.ContainerID // "": the path is /containers
	in   bool             // the path is the sandbox or a file in it
	rest string           // path relative to the sandbox; "" is the sandbox itself
}

// parse reads a virtual path. It refuses every path that is not in its simplest form, so that each
// file has only one path.
func parse(name string) (p place, err error) {
	parts := strings.Split(strings.Trim(name, "/"), "/")
	for _, part := range parts {
		if part == ".." || part == "." || part == "" || strings.Contains(part, "\x00") {
			return p, fmt.Errorf("%w: path %q: want a file below /containers/ID/sandbox, without . and .. in its path",
				mctr.ErrInvalid, name)
		}
	}
	if !strings.HasPrefix(name, "/") || parts[0] != top || len(parts) > 2 && parts[2] != sandbox {
		return p, fmt.Errorf("%w: path %q: want /containers/ID/sandbox, or a file below it", mctr.ErrNotFound, name)
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

// path returns the virtual path of the file name in the place.
func (p place) path(name string) string {
	switch {
	case p.id == "":
		return path.Join("/", top, name)
	case !p.in:
		return path.Join("/", top, string(p.id), name)
	}
	return path.Join("/", top, string(p.id), sandbox, p.rest, name)
}

// missing returns the error for a file that does not exist.
func (p place) missing() error {
	return fmt.Errorf("%w: no such file: %s", mctr.ErrNotFound, p.path(""))
}
