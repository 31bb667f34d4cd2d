package cephfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mctr/mctr"
)

// used returns the directory with a file for each volume that the container has prepared.
func used(h mctr.Handle) string { return filepath.Join(h.State, name, "used") }

// mounts returns the directory in which volumes are bound for the engine.
func mounts(h mctr.Handle) string { return filepath.Join(h.State, name, "mounts") }

// note notes, before the store does, that the container uses a volume.
func note(h mctr.Handle, volume string) error {
	if err := os.MkdirAll(used(h), 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(used(h), volume), nil, 0o600)
}

func namesIn(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, nil
}
