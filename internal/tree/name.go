package tree

import "strings"

// A Name is a path that shares its beginning with the other names in its directory: to
// remember many takes room for their last parts alone.
type Name struct {
	above *Name
	last  string
}

// Root is the Name that path has by itself.
func Root(path string) *Name { return &Name{last: path} }

// In is what is called last in the directory n.
func (n *Name) In(last string) *Name { return &Name{n, last} }

// Path is the whole of it.
func (n *Name) Path() string {
	size := -1
	for at := n; at != nil; at = at.above {
		size += len(at.last) + 1
	}
	path := make([]byte, size)
	for at := n; at != nil; at = at.above {
		copy(path[size-len(at.last):], at.last)
		if size -= len(at.last) + 1; size >= 0 {
			path[size] = '/'
		}
	}
	return string(path)
}

// Names remembers the names of files that have several, by their inodes.
type Names struct{ first map[ID]*left }

// An ID is what a file is known by as long as it is there.
type ID struct{ Dev, Ino uint64 }

type left struct {
	name *Name
	more uint64 // names that were not met yet
}

// First is the name under which a file was met first, of which links are names; nil
// where this is the first. A file is forgotten when all its names were met.
func (n *Names) First(id ID, links uint64, name func() *Name) *Name {
	if links < 2 {
		return nil
	}
	if n.first == nil {
		n.first = map[ID]*left{}
	}
	found, ok := n.first[id]
	if !ok {
		n.first[id] = &left{name(), links - 1}
		return nil
	}
	if found.more--; found.more == 0 {
		delete(n.first, id)
	}
	return found.name
}

// shared is how many bytes a and b begin with alike.
func shared(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// A List remembers paths in the order in which they come, each as what differs from
// the one before.
type List[T any] struct {
	entries []listed[T]
	last    string
}

type listed[T any] struct {
	shared int32
	rest   string
	value  T
}

// Add puts a path at the end.
func (l *List[T]) Add(path string, value T) {
	n := shared(l.last, path)
	l.entries = append(l.entries, listed[T]{int32(n), strings.Clone(path[n:]), value})
	l.last = path
}

// All gives each path, in order.
func (l *List[T]) All(yield func(path string, value T) bool) {
	path := ""
	for _, e := range l.entries {
		path = path[:e.shared] + e.rest
		if !yield(path, e.value) {
			return
		}
	}
}
