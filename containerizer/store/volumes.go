package store

import (
	"errors"

	"github.com/mctr/mctr"
)

// NamedVolumes returns the names of the named volumes in the configs of containers, with the containers,
// running or not. The error is about containers whose records cannot be read, which may name others.
func (s *Store) NamedVolumes() (users map[string][]mctr.ContainerID, err error) {
	users = map[string][]mctr.ContainerID{}
	ids, err := s.IDs()
	errs := []error{err}
	for _, id := range ids {
		r, err := s.Container(id).Record()
		if err != nil {
			if !errors.Is(err, mctr.ErrNotFound) { // removed meanwhile
				errs = append(errs, err)
			}
			continue
		}
		for _, v := range r.Config.Volumes {
			if v.IsNamed() {
				users[v.Source] = append(users[v.Source], id)
			}
		}
	}
	return users, errors.Join(errs...)
}
