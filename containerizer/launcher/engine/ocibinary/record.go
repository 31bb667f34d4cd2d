package ocibinary

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// A record is what Load has to know of a container, and what its runtime does not say of one that has ended.
type record struct {
	Pid     int     `json:"pid"`
	Cgroups cgroups `json:"cgroups,omitempty"`

	StartContainer bool `json:"startContainer,omitempty"` // it has such hooks
	SystemdCgroup  bool `json:"systemdCgroup,omitempty"`  // Options.SystemdCgroup
}

// recordName is the record's file in the container's directory.
const recordName = "container.json"

func (c *container) writeRecord() error {
	data, err := json.Marshal(record{Pid: c.init.Pid, Cgroups: c.groups, StartContainer: c.startContainer,
		SystemdCgroup: c.systemd})
	if err != nil {
		return fmt.Errorf("encode the record of container %s: %w", c.id, err)
	}
	return os.WriteFile(filepath.Join(c.dir, recordName), data, 0o600)
}

func (c *container) readRecord() (*record, error) {
	data, err := os.ReadFile(filepath.Join(c.dir, recordName))
	if err != nil {
		return nil, err
	}
	r := &record{}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("decode the record of container %s: %w", c.id, err)
	}
	return r, nil
}
