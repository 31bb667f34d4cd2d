package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/saferoot"
)

// open opens a directory or regular file below root. It fails for other types of files.
func open(root, name string) (*os.File, *unix.Stat_t, error) {
	if name == "" {
		name = "."
	}
	at, err := saferoot.Open(root, name, 0)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) ||
		errors.Is(err, unix.ENAMETOOLONG) {
		return nil, nil, fmt.Errorf("%w: no such file: %s", mctr.ErrNotFound, name)
	}
	if err != nil {
		return nil, nil, err
	}
	defer at.Close()
	var info unix.Stat_t
	if err := unix.Fstat(int(at.Fd()), &info); err != nil {
		return nil, nil, &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	f, err := saferoot.Use(at)
	return f, &info, err
}
