package tree

import (
	"context"
	"os"
)

// A Place is a name in an open directory.
type Place struct {
	Dir  *os.File
	Name string
	at   *stack
}

// Path returns the path below the walk's root. Its cost grows with the depth.
func (p Place) Path() string {
	size := len(p.Name)
	for _, l := range p.at.levels[1:] {
		size += len(l.name) + 1
	}
	path := make([]byte, 0, size)
	for _, l := range p.at.levels[1:] {
		path = append(append(path, l.name...), '/')
	}
	return string(append(path, p.Name...))
}

// Depth returns the number of directories between the walk's root and the place.
func (p Place) Depth() int { return len(p.at.levels) - 1 }

// Walk calls visit for every name below root, an open directory that stays open. If visit returns a
// directory, open for reading, Walk walks it next and closes it. The names of each batch are
// sorted. An error of visit ends the walk. Walk returns ErrMoved only after it has visited
// everything else.
func Walk(ctx context.Context, root *os.File, visit func(Place) (into *os.File, err error)) error {
	return walk(ctx, &stack{batch: batch}, root, visit)
}

func walk(ctx context.Context, s *stack, root *os.File, visit func(Place) (*os.File, error)) error {
	own, err := reopen(root)
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.push(own, root.Name()); err != nil {
		return err
	}
	var moved error
	for len(s.levels) > 0 {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		name, ok, err := s.next()
		if err != nil {
			return s.fail("read directory", "", err)
		}
		if !ok {
			if err := s.pop(); err != nil {
				moved = err
			}
			continue
		}
		into, err := visit(Place{s.top().dir, name, s})
		if err != nil {
			return err
		}
		if into != nil {
			if err := s.push(into, name); err != nil {
				return s.fail("enter", name, err)
			}
		}
	}
	return moved
}
