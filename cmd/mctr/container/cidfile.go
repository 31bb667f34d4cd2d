package container

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mctr/mctr"
)

// A cidFile is the file that --cidfile names. It is created before the launch, so that two launches
// cannot use the same file, and removed if the launch fails.
type cidFile struct{ path string }

func reserveCIDFile(path string) (cidFile, error) {
	if path == "" {
		return cidFile{}, nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if errors.Is(err, os.ErrExist) {
		return cidFile{}, fmt.Errorf("%w: --cidfile %s exists: it belongs to another container, or was left behind "+
			"(remove it)", mctr.ErrExists, path)
	}
	if err != nil {
		return cidFile{}, fmt.Errorf("--cidfile: %w", err)
	}
	return cidFile{filepath.Clean(path)}, f.Close()
}

func (c cidFile) write(id mctr.ContainerID) error {
	if c.path == "" {
		return nil
	}
	return os.WriteFile(c.path, []byte(id), 0o644)
}

func (c cidFile) drop() error {
	if c.path == "" {
		return nil
	}
	return os.Remove(c.path)
}
