package oci

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"

	lc "github.com/opencontainers/runc/libcontainer"
	"github.com/opencontainers/runc/libcontainer/utils"
)

// A containerState is what state and list print.
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

// dir is where libcontainer keeps the state of a container that it knows by id.
func (r *runtime) dir(id string) string { return filepath.Join(r.root, id) }

func (r *runtime) load(id string) (*lc.Container, error) { return lc.Load(r.root, id) }

func (r *runtime) state(args []string) (int, error) {
	id, err := parseID(newFlags("state"), args)
	if err != nil {
		return 1, err
	}
	c, err := r.load(id)
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

func describe(c *lc.Container) (*containerState, error) {
	status, err := c.Status()
	if err != nil {
		return nil, err
	}
	state, err := c.State()
	if err != nil {
		return nil, err
	}
	s := &containerState{
		Version: state.Config.Version, ID: state.ID, Pid: state.InitProcessPid, Status: status.String(),
		Rootfs: state.Config.Rootfs, Created: state.Created,
	}
	s.Bundle, s.Annotations = utils.Annotations(state.Config.Labels)
	if status == lc.Stopped {
		s.Pid = 0
	}
	return s, nil
}
