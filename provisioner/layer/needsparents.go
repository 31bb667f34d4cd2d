package layer

import (
	"archive/tar"
	"path"
	"strings"
)

// ownership records the paths that a layer has brought so far, with their kinds. A layer that
// brings all parent directories and link targets of its entries unpacks to the same files on any
// parents.
type ownership map[string]kind

type kind int

const (
	absent kind = iota
	directory
	file // anything that can be the target of a hard link
	hidden
)

// add records one entry, whose name is sanitised. It returns ErrNeedsParents if the effect of the
// entry depends on anything that did not come before it in this layer, or on the order of two
// entries for one path.
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
			return ErrNeedsParents // overlayfs has no opaque root
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

// set records the kind of a path. A whiteout hides files of the parents but not of this layer, and
// a directory in place of a file hides files of the parents: one directory of an overlay can
// express neither together with the other kind.
func (o ownership) set(name string, k kind) error {
	if had := o[name]; had != absent && had != k {
		return ErrNeedsParents
	}
	o[name] = k
	return nil
}
