package inherit

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Program returns the path of a program of the host, found by [Path] and not by the caller's PATH. The
// error wraps exec.ErrNotFound.
func Program(name string) (string, error) {
	for _, dir := range filepath.SplitList(strings.TrimPrefix(Path, "PATH=")) {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: %w", name, exec.ErrNotFound)
}
