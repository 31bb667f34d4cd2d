package tree

import "strings"

// A Name is a path that shares its beginning with the other names in its directory, so that many
// names need memory only for their last parts.
type Name struct {
	above *Name
	last  string
}

// Root returns a Name without a parent.
func Root(path string) *Name { return &Name{last: path} }

// In returns the Name of last in the directory n.
func (n *Name) In(last string) *Name { return &Name{n, last} }

// Path returns the whole path.
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

// Names records the first name of each file that has several, by inode.
type Names struct{ first map[ID]*left }

// An ID identifies a file as long as the file exists.
type ID struct{ Dev, Ino uint64 }

type left struct {
	name *Name
	more uint64 // number of names that First was not called for yet
}

// First returns the name for which it was first called with this file, which has links names, or
// nil if this is the first call. It forgets a file after as many calls as the file has names.
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

// shared returns the length of the common prefix of a and b.
func shared(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// A List stores paths in order, each as the difference from the previous one.
type List[T any] struct {
	entries []listed[T]
	last    string
}

type listed[T any] struct {
	shared int32
	rest   string
	value  T
}

// Add appends a path.
func (l *List[T]) Add(path string, value T) {
	n := shared(l.last, path)
	l.entries = append(l.entries, listed[T]{int32(n), strings.Clone(path[n:]), value})
	l.last = path
}

// All yields each path, in order.
func (l *List[T]) All(yield func(path string, value T) bool) {
	path := ""
	for _, e := range l.entries {
		path = path[:e.shared] + e.rest
		if !yield(path, e.value) {
			return
		}
	}
}
