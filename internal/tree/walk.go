package tree

import (
	"context"
	"os"
)

// A Place is a name in a directory that is open.
type Place struct {
	Dir  *os.File
	Name string
	at   *stack
}

// Path is where it lies below the walk's root. It takes time and room by the depth.
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

// Depth is how many directories it lies below the walk's root.
func (p Place) Depth() int { return len(p.at.levels) - 1 }

// Walk has visit look at every name below root, which is an open directory and stays
// open. What visit returns, a directory that is open for reading, is walked next, and
// closed. Each batch of names is in order. An error of visit ends the walk; ErrMoved
// comes when all the rest was visited.
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
