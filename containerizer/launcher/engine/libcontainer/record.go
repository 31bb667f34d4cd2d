package libcontainer

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/opencontainers/runc/libcontainer/configs"

	"github.com/mctr/mctr/internal/atomicfile"
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
