package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/internal/failpoint"
	"github.com/mctr/mctr/internal/tree"
)

// A Layer is what is known of an unpacked layer. Its files lie in overlayfs
// form: a whiteout is a 0:0 character device, an opaque directory carries
// trusted.overlay.opaque. There are three kinds, told apart by their key.
//
//   - diff: a layer that brings all its parent directories and link targets; it
//     is kept by its diffID and serves in every image.
//   - chain: any other, unpacked upon its parents; it is kept by its chain id and
//     serves upon these parents only.
//   - tree: a chain layer made where there is no overlayfs: the whole tree of
//     the layer and its parents; nothing is to lie beneath it.
type Layer struct {
	DiffID  digest.Digest `json:"diff_id"`
	Root    bool          `json:"root"`    // it says what the root directory is like
	Bytes   int64         `json:"bytes"`   // of its files
	Entries int           `json:"entries"` // files, directories, links and whiteouts
}

// DiffKey names the layer that stands alone as diffID.
func DiffKey(diffID digest.Digest) string { return key("diff", diffID) }

// ChainKey names the layer that completes chain.
func ChainKey(chain digest.Digest) string { return key("chain", chain) }

// TreeKey names the whole tree of chain.
func TreeKey(chain digest.Digest) string { return key("tree", chain) }

func key(kind string, d digest.Digest) string {
	return kind + "-" + d.Algorithm().String() + "-" + d.Encoded()
}

// IsTree reports whether nothing may lie beneath the layer called key.
func IsTree(key string) bool { return strings.HasPrefix(key, "tree-") }

// LayerDir is where the files of the layer called key lie.
func (s *Store) LayerDir(key string) string { return s.path("layers", key, "fs") }

// HasLayer reports whether the layer called key is unpacked.
func (s *Store) HasLayer(key string) bool {
	var st unix.Stat_t
	return unix.Lstat(s.LayerDir(key), &st) == nil
}

// Layer returns what is known of an unpacked layer; false when it is not there
// or damaged.
func (s *Store) Layer(key string) (Layer, bool) {
	var l Layer
	if !s.HasLayer(key) {
		return l, false
	}
	return l, atomicfile.ReadJSON(s.path("layers", key, "layer.json"), &l) == nil
}

// MakeLayer lets build fill a directory and keeps it as the layer called key.
// If it is there already, or another process makes it meanwhile, that one is
// used. A build that fails leaves nothing.
func (s *Store) MakeLayer(ctx context.Context, key string, build func(dir string) (Layer, error)) (Layer, error) {
	if l, ok := s.Layer(key); ok {
		return l, nil
	}
	lock, err := s.lockObject(ctx, key)
	if err != nil {
		return Layer{}, err
	}
	defer lock.Unlock()
	defer os.Remove(lock.File().Name())
	if l, ok := s.Layer(key); ok {
		return l, nil
	}
	return s.makeLayer(key, build)
}

func (s *Store) makeLayer(key string, build func(dir string) (Layer, error)) (l Layer, err error) {
	dir, err := s.TempDir("layer")
	if err != nil {
		return l, err
	}
	defer func() { err = errors.Join(err, tree.Remove(dir)) }()
	if err := s.newRoot(filepath.Join(dir, "fs")); err != nil {
		return l, err
	}
	if err := failpoint.Hit(PointLayerPart); err != nil {
		return l, err
	}
	if l, err = build(filepath.Join(dir, "fs")); err != nil {
		return l, err
	}
	if err := atomicfile.WriteJSON(filepath.Join(dir, "layer.json"), l); err != nil {
		return l, err
	}
	return l, s.commitLayer(dir, key)
}

// newRoot makes a root directory as a layer that says nothing of it gets it:
// 0755, root's, of the epoch.
func (s *Store) newRoot(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	return unix.Utimes(dir, make([]unix.Timeval, 2))
}

// commitLayer syncs the filesystem once, instead of each of the files, and
// names the layer. A damaged one of that name goes to the trash.
func (s *Store) commitLayer(dir, key string) error {
	if err := syncfs(dir); err != nil {
		return fmt.Errorf("sync layer %s: %w", key, err)
	}
	if err := failpoint.Hit(PointLayer); err != nil {
		return err
	}
	if _, err := os.Lstat(s.path("layers", key)); err == nil {
		if err := s.discard("layers", key); err != nil {
			return err
		}
	}
	if err := os.Rename(dir, s.path("layers", key)); err != nil {
		return err
	}
	if err := failpoint.Hit(PointLayerNamed); err != nil {
		return err
	}
	return atomicfile.SyncDir(s.path("layers"))
}

func syncfs(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return unix.Syncfs(int(d.Fd()))
}
