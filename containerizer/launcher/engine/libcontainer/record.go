package libcontainer

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/opencontainers/runc/libcontainer/configs"

	"github.com/mctr/mctr/internal/atomicfile"
)

// A record holds what Start needs beyond libcontainer's state. It is in the container's directory,
// which Delete removes. An empty record has no file.
type record struct {
	Hooks     configs.Hooks `json:"hooks"`               // the poststart hooks
	NoProcess bool          `json:"noProcess,omitempty"` // config.json has no process
}

// recordName is the name of the record's file. It dates from when the OCI runtime's command line
// wrote it.
const recordName = "mctr-oci.json"

// takePoststart moves the poststart hooks from config to the record. libcontainer would run them
// when it has created the container, which is before the start of the command.
func (r *record) takePoststart(config *configs.Config) {
	if hooks := config.Hooks[configs.Poststart]; len(hooks) > 0 {
		r.Hooks = configs.Hooks{configs.Poststart: hooks}
	}
	delete(config.Hooks, configs.Poststart)
}

func (r *record) write(dir string) error {
	if len(r.Hooks) == 0 && !r.NoProcess {
		return nil
	}
	return atomicfile.WriteJSON(filepath.Join(dir, recordName), r)
}

func readRecord(dir string) (*record, error) {
	r := &record{}
	if err := atomicfile.ReadJSON(filepath.Join(dir, recordName), r); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the container's record: %w", err)
	}
	return r, nil
}
