package ocibinary

import (
	"fmt"
	"path/filepath"

	"github.com/mctr/mctr/internal/atomicfile"
)

// A record holds what Load needs and the runtime does not report, at least for a stopped container.
type record struct {
	Pid     int     `json:"pid"`
	Cgroups cgroups `json:"cgroups,omitempty"`

	StartContainer bool `json:"startContainer,omitempty"` // it has startContainer hooks
	SystemdCgroup  bool `json:"systemdCgroup,omitempty"`  // Options.SystemdCgroup
}

// recordName is the name of the record's file in the container's directory.
const recordName = "container.json"

func (c *container) writeRecord() error {
	return atomicfile.WriteJSON(filepath.Join(c.dir, recordName), record{Pid: c.init.Pid, Cgroups: c.groups,
		StartContainer: c.startContainer, SystemdCgroup: c.systemd})
}

func (c *container) readRecord() (*record, error) {
	r := &record{}
	if err := atomicfile.ReadJSON(filepath.Join(c.dir, recordName), r); err != nil {
		return nil, fmt.Errorf("read the record of container %s: %w", c.id, err)
	}
	return r, nil
}
