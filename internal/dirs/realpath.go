package dirs

import (
	"fmt"
	"path/filepath"

	"github.com/mctr/mctr"
)

// Resolve makes path absolute and follows its links, as far as it exists. All programs
// take ROOT and STATE by it: names in the kernel are functions of these paths, so that two
// ways to the same directory must not be two directories.
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

// resolved follows the links in what there is of path.
func resolved(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil || path == "/" {
		return real
	}
	return filepath.Join(resolved(filepath.Dir(path)), filepath.Base(path))
}
