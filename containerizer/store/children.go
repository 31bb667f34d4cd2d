package store

import (
	"errors"
	"io/fs"
	"os"
	"slices"

	"github.com/mctr/mctr"
)

// Children lists the containers that are nested directly in id.
func (s *Store) Children(id mctr.ContainerID) ([]mctr.ContainerID, error) {
	var found []mctr.ContainerID
	var errs []error
	for _, dir := range []string{s.Containers(), s.Running()} {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
		for _, e := range entries {
			if child := mctr.ContainerID(e.Name()); child.Parent() == id && !slices.Contains(found, child) {
				found = append(found, child)
			}
		}
	}
	return found, errors.Join(errs...)
}
