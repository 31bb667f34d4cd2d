package oci

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/opencontainers/runc/libcontainer/configs"
)

// A record says what the start of a container has to know beyond libcontainer's own
// state. It lies in the container's directory and goes with it: config.json may be
// another one by then.
type record struct {
	Hooks     configs.Hooks `json:"hooks"`               // poststart's
	NoProcess bool          `json:"noProcess,omitempty"` // config.json had none
}

const recordName = "mctr-oci.json"

// takePoststart takes out of config the hooks that libcontainer would run as soon as it
// has created the container, before the command is started.
func (r *record) takePoststart(config *configs.Config) {
	r.Hooks = configs.Hooks{configs.Poststart: config.Hooks[configs.Poststart]}
	delete(config.Hooks, configs.Poststart)
}

func (r *record) write(dir string) error {
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode the container's record: %w", err)
	}
	return os.WriteFile(filepath.Join(dir, recordName), data, 0o600)
}

// readRecord gives an empty record for a container without one, which an earlier
// version has created.
func readRecord(dir string) (*record, error) {
	data, err := os.ReadFile(filepath.Join(dir, recordName))
	if errors.Is(err, fs.ErrNotExist) {
		return &record{}, nil
	}
	if err != nil {
		return nil, err
	}
	r := &record{}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("decode the container's record %s in %s: %w", recordName, dir, err)
	}
	return r, nil
}
