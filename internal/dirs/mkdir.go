// Package dirs makes directories with exactly the given mode, whatever the umask of the calling
// process, because containers see these directories. It also resolves the paths of ROOT and STATE
// in the same way for all programs.
package dirs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Make makes one directory. If it exists, the error wraps fs.ErrExist and the directory is
// unchanged.
func Make(path string, mode fs.FileMode) error {
	if err := os.Mkdir(path, mode); err != nil {
		return err
	}
	return os.Chmod(path, mode)
}

// MakeAll makes a directory and its missing parents.
func MakeAll(path string, mode fs.FileMode) error {
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		return nil
	}
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return os.MkdirAll(path, mode) // for its error
	}
	if above := filepath.Dir(path); above != path {
		if err := MakeAll(above, mode); err != nil {
			return err
		}
	}
	if err := Make(path, mode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
