package ociruntime

import (
	"encoding/json"
	"flag"
	"fmt"
	"path/filepath"
	"time"

	"github.com/mctr/mctr/containerizer/launcher/engine"
)

// A containerState is what the commands state and list print.
type containerState struct {
	Version     string            `json:"ociVersion"`
	ID          string            `json:"id"`
	Pid         int               `json:"pid"`
	Status      string            `json:"status"`
	Bundle      string            `json:"bundle"`
	Rootfs      string            `json:"rootfs"`
	Created     time.Time         `json:"created"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Owner       string            `json:"owner"`
}

// cache returns the directory of compiled seccomp profiles. Its name is not a valid container id
// because of the tilde.
func (r *runtime) cache() string { return filepath.Join(r.root, "~seccomp") }

func (r *runtime) load(id string) (engine.Container, error) {
	return r.engine.Load(engine.Options{ID: id, Root: r.root, Cache: r.cache()})
}

// parseContainer parses the flags of a command whose only argument is a container, and loads the
// container.
func (r *runtime) parseContainer(f *flag.FlagSet, args []string) (id string, c engine.Container, err error) {
	if id, err = parseID(f, args); err == nil {
		c, err = r.load(id)
	}
	return id, c, err
}

func (r *runtime) state(args []string) (int, error) {
	_, c, err := r.parseContainer(newFlags("state"), args)
	if err != nil {
		return 1, err
	}
	s, err := describe(c)
	if err != nil {
		return 1, err
	}
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return 1, err
	}
	_, err = fmt.Fprintf(r.stdout, "%s", data)
	return 0, err
}

func describe(c engine.Container) (*containerState, error) {
	s, err := c.State()
	if err != nil {
		return nil, err
	}
	return &containerState{
		Version: s.Version, ID: s.ID, Pid: s.Pid, Status: string(s.Status), Bundle: s.Bundle, Rootfs: s.Rootfs,
		Created: s.Created, Annotations: s.Annotations,
	}, nil
}
