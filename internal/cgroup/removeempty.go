package cgroup

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"
)

// RemoveEmpty removes the group in every hierarchy in which it has neither
// processes nor groups below it.
func RemoveEmpty(name string) error {
	var errs []error
	for _, dir := range Dirs(name) {
		err := unix.Rmdir(dir)
		if err != nil && !gone(err) && !errors.Is(err, unix.EBUSY) && !errors.Is(err, unix.ENOTEMPTY) {
			errs = append(errs, &fs.PathError{Op: "rmdir", Path: dir, Err: err})
		}
	}
	return errors.Join(errs...)
}
