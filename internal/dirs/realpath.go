package dirs

import (
	"fmt"
	"path/filepath"

	"github.com/mctr/mctr"
)

// Resolve makes path absolute and resolves its symbolic links, as far as it exists. All programs
// resolve ROOT and STATE with it: names in the kernel are derived from these paths, so two paths to
// one directory must not count as two directories.
func Resolve(path string) (string, error) {
	if path == "" {
		return "", fmt.Errorf("%w: a directory must not be empty", mctr.ErrInvalid)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return resolved(abs), nil
}

// resolved resolves the symbolic links in the existing part of path.
func resolved(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil || path == "/" {
		return real
	}
	return filepath.Join(resolved(filepath.Dir(path)), filepath.Base(path))
}
