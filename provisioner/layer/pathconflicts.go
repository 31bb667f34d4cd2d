package layer

import (
	"archive/tar"
	"path"
	"strings"
)

// ownership is what a layer has brought so far: each path and its kind. A layer
// that brings all it builds upon unpacks the same wherever it stands.
type ownership map[string]kind

type kind int

const (
	absent kind = iota
	directory
	file // anything a hard link may lead to
	hidden
)

// add notes one entry, whose name is sanitised. It returns ErrNeedsParents when
// what the entry does depends on something that did not come before it in this
// layer, or on the order of two entries for one path.
func (o ownership) add(h *tar.Header) error {
	dir, base := path.Split(h.Name)
	dir = path.Clean(dir)
	if h.Name == "." {
		return nil
	}
	if dir != "." && o[dir] != directory {
		return ErrNeedsParents
	}
	if base == opaque {
		if dir == "." {
			return ErrNeedsParents // overlayfs knows no opaque root
		}
		return nil
	}
	if name, ok := strings.CutPrefix(base, whiteout); ok {
		return o.set(path.Join(dir, name), hidden)
	}
	if h.Typeflag == tar.TypeLink && o[h.Linkname] != file {
		return ErrNeedsParents
	}
	if h.Typeflag == tar.TypeDir {
		return o.set(h.Name, directory)
	}
	return o.set(h.Name, file)
}

// set gives a path its kind. A whiteout hides what parents brought and not what
// this layer did, and a directory in place of a file hides what lay there in the
// parents: both go beyond what one directory of an overlay can say.
func (o ownership) set(name string, k kind) error {
	if had := o[name]; had != absent && had != k {
		return ErrNeedsParents
	}
	o[name] = k
	return nil
}
