package libcontainer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/opencontainers/runc/libcontainer/configs"
)

// A record is what the start of a container has to know beyond libcontainer's own state. It lies in the container's
// directory, which Delete removes; a container of which there is nothing to know has none.
type record struct {
	Hooks     configs.Hooks `json:"hooks"`               // poststart's
	NoProcess bool          `json:"noProcess,omitempty"` // config.json has none
}

// recordName is the record's file, under the name that it had when the OCI runtime's command line wrote it.
const recordName = "mctr-oci.json"

// takePoststart moves the hooks from config to the record that libcontainer would run as soon as it has created the
// container, before the command is started.
func (r *record) takePoststart(config *configs.Config) {
	if hooks := config.Hooks[configs.Poststart]; len(hooks) > 0 {
		r.Hooks = configs.Hooks{configs.Poststart: hooks}
	}
	delete(config.Hooks, configs.Poststart)
}

func (r *record) empty() bool { return len(r.Hooks) == 0 && !r.NoProcess }

func (r *record) write(dir string) error {
	if r.empty() {
		return nil
	}
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode the container's record: %w", err)
	}
	return os.WriteFile(filepath.Join(dir, recordName), data, 0o600)
}

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
