// Package dirs makes directories with the mode that is asked for, whatever the umask of
// the process that has the library: containers see them. It resolves the paths of ROOT
// and STATE, for all programs alike.
package dirs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Make makes one directory. The error wraps fs.ErrExist where it exists, which is left as
// it is.
func Make(path string, mode fs.FileMode) error {
	if err := os.Mkdir(path, mode); err != nil {
		return err
	}
	return os.Chmod(path, mode)
}

// MakeAll makes a directory and those above it that are missing.
func MakeAll(path string, mode fs.FileMode) error {
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		return nil
	}
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return os.MkdirAll(path, mode) // says what is wrong
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
