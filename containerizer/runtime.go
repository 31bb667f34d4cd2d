package containerizer

import (
	"fmt"
	"os/exec"
	"path/filepath"

	"github.com/mctr/mctr"
)

// findRuntime gives the absolute path of an OCI runtime that was asked for by
// name or path, "" for the built-in one. The error wraps mctr.ErrNotFound.
func findRuntime(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	path, err := exec.LookPath(name)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return "", fmt.Errorf("%w: runtime %q: %w (install it, or give its path)", mctr.ErrNotFound, name, err)
	}
	return path, nil
}
