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

// A Layer describes an unpacked layer. Its files are in overlayfs form: a whiteout is a 0:0
// character device, an opaque directory has trusted.overlay.opaque. There are three kinds,
// distinguished by their key.
//
//   - diff: a layer with all parent directories and link targets of its entries; its key is
//     its diffID, and every image can share it.
//   - chain: any other layer, unpacked on its parents; its key is its chain id, and it can
//     only be stacked on these parents.
//   - tree: a layer unpacked on a host without overlayfs: the whole tree of the layer and its
//     parents; it cannot be stacked on other layers.
type Layer struct {
	DiffID  digest.Digest `json:"diff_id"`
	Root    bool          `json:"root"`    // it has an entry for the root directory
	Bytes   int64         `json:"bytes"`   // of its files
	Entries int           `json:"entries"` // files, directories, links and whiteouts
}

// DiffKey returns the key of the diff layer with this diffID.
func DiffKey(diffID digest.Digest) string { return key("diff", diffID) }

// ChainKey returns the key of the chain layer that completes chain.
func ChainKey(chain digest.Digest) string { return key("chain", chain) }

// TreeKey returns the key of the tree of chain.
func TreeKey(chain digest.Digest) string { return key("tree", chain) }

func key(kind string, d digest.Digest) string {
	return kind + "-" + d.Algorithm().String() + "-" + d.Encoded()
}

// IsTree returns true if key is the key of a tree.
func IsTree(key string) bool { return strings.HasPrefix(key, "tree-") }

// LayerDir returns the directory with the files of the layer called key.
func (s *Store) LayerDir(key string) string { return s.path("layers", key, "fs") }

// HasLayer returns true if the layer called key is unpacked.
func (s *Store) HasLayer(key string) bool {
	var st unix.Stat_t
	return unix.Lstat(s.LayerDir(key), &st) == nil
}

// Layer returns the description of an unpacked layer, or false if the layer is missing or damaged.
func (s *Store) Layer(key string) (Layer, bool) {
	var l Layer
	if !s.HasLayer(key) {
		return l, false
	}
	return l, atomicfile.ReadJSON(s.path("layers", key, "layer.json"), &l) == nil
}

// MakeLayer lets build fill a directory and stores it as the layer called key. If the layer exists,
// or another process makes it meanwhile, MakeLayer returns that layer. A build that fails leaves
// nothing behind.
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

// newRoot makes the root directory of a layer. Its attributes are those of a layer without an entry
// for the root: mode 0755, and the times of the epoch.
func (s *Store) newRoot(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	return unix.Utimes(dir, make([]unix.Timeval, 2))
}

// commitLayer syncs the filesystem once, instead of each file, and renames the layer into place. It
// moves a damaged layer of that name to the trash.
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
