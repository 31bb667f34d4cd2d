package imagetest

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/xattr"
)

// A Node is all that an image specifies about one file. Nodes are compared.
type Node struct {
	Mode     uint32
	UID, GID uint32
	Mtime    int64 // nanoseconds
	Rdev     uint64
	Size     int64  // of regular files
	Content  string // hash of a regular file under its first name, target of a symbolic link
	Same     string // the first name of a file that has several
	Xattrs   map[string]string
}

// Tree returns the nodes beneath root, by path relative to it; "." is root. It does not follow
// symbolic links.
func Tree(tb testing.TB, root string) map[string]Node {
	tb.Helper()
	tree, first := map[string]Node{}, map[uint64]string{}
	err := filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		n, err := node(path, st)
		if st.Mode&unix.S_IFMT != unix.S_IFDIR && st.Nlink > 1 {
			if first[st.Ino] == "" {
				first[st.Ino] = rel
			}
			n.Same = first[st.Ino]
		}
		if err == nil && n.Mode&unix.S_IFMT == unix.S_IFREG && (n.Same == "" || n.Same == rel) {
			n.Content, err = hashOf(path)
		}
		tree[rel] = n
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return tree
}

func node(path string, st unix.Stat_t) (n Node, err error) {
	n = Node{Mode: st.Mode, UID: st.Uid, GID: st.Gid, Mtime: st.Mtim.Nano(), Rdev: st.Rdev}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		n.Size = st.Size
	case unix.S_IFLNK:
		n.Content, err = os.Readlink(path)
	}
	if err == nil {
		n.Xattrs, err = xattrs(path)
	}
	return n, err
}

func hashOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), err
}

func xattrs(path string) (map[string]string, error) {
	names, err := xattr.Names(path)
	all := map[string]string{}
	for _, name := range names {
		value, err := xattr.Value(path, name)
		if err != nil {
			return nil, err
		}
		all[name] = string(value)
	}
	return all, err
}
