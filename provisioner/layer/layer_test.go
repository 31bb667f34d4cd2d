package layer_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/provisioner/imagetest"
	"github.com/mctr/mctr/provisioner/layer"
)

func unpack(t *testing.T, data []byte, diffID digest.Digest, o layer.Options) (string, error) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "root")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	o.DiffID = diffID
	_, err := layer.Unpack(context.Background(), bytes.NewReader(data), dir, o)
	return dir, err
}

// TestCompression: all compressed forms of a layer unpack to the same tree, and the digest includes
// data after its end.
func TestCompression(t *testing.T) {
	plain := imagetest.Tar(t, imagetest.Dir("d", 0o755), imagetest.File("d/f", "x"))
	junk := append(append([]byte{}, plain...), make([]byte, 4096)...)
	members := append(imagetest.Gzip(t, plain[:700]), imagetest.Gzip(t, plain[700:])...)
	var trees []map[string]imagetest.Node
	for name, c := range map[string]struct{ data, plain []byte }{
		"plain": {plain, plain}, "gzip": {imagetest.Gzip(t, plain), plain}, "zstd": {imagetest.Zstd(t, plain), plain},
		"gzip members": {members, plain}, "junk": {imagetest.Gzip(t, junk), junk},
	} {
		dir, err := unpack(t, c.data, digest.FromBytes(c.plain), layer.Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		trees = append(trees, imagetest.Tree(t, dir))
		delete(trees[len(trees)-1], ".")
		if diff := cmp.Diff(trees[0], trees[len(trees)-1]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if _, err := unpack(t, imagetest.Gzip(t, junk), digest.FromBytes(plain),
		layer.Options{}); !errors.Is(err, layer.ErrDiffID) {
		t.Errorf("junk that the digest does not cover: %v, want ErrDiffID", err)
	}
}

// TestAlone distinguishes layers with all that they depend on from others.
func TestAlone(t *testing.T) {
	d := imagetest.Dir("d", 0o755)
	cases := []struct {
		name    string
		entries []imagetest.Entry
		alone   bool
	}{
		{"files in the root", []imagetest.Entry{imagetest.File("a", ""), imagetest.Whiteout("b")}, true},
		{"parent before child",
			[]imagetest.Entry{d, imagetest.File("d/a", ""), imagetest.Whiteout("d/b"), imagetest.Opaque("d")}, true},
		{"no parent", []imagetest.Entry{imagetest.File("d/a", "")}, false},
		{"parent after child", []imagetest.Entry{imagetest.File("d/a", ""), d}, false},
		{"whiteout without parent", []imagetest.Entry{imagetest.Whiteout("d/a")}, false},
		{"opaque root", []imagetest.Entry{imagetest.Opaque("")}, false},
		{"link within",
			[]imagetest.Entry{imagetest.File("a", ""), imagetest.Link("b", "a"), imagetest.Link("c", "./b")}, true},
		{"link to another layer's", []imagetest.Entry{imagetest.Link("b", "a")}, false},
		{"parent is a link", []imagetest.Entry{imagetest.Symlink("l", "d"), imagetest.File("l/a", "")}, false},
		{"file twice", []imagetest.Entry{imagetest.File("a", "1"), imagetest.File("a", "2")}, true},
		{"file and directory", []imagetest.Entry{imagetest.File("a", "1"), imagetest.Dir("a", 0o755)}, false},
		{"entry and whiteout", []imagetest.Entry{imagetest.File("a", "1"), imagetest.Whiteout("a")}, false},
	}
	for _, c := range cases {
		data := imagetest.Tar(t, c.entries...)
		_, err := unpack(t, data, digest.FromBytes(data), layer.Options{})
		if c.alone && err != nil || !c.alone && !errors.Is(err, layer.ErrNeedsParents) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestCancelled(t *testing.T) {
	data := imagetest.Tar(t, imagetest.File("a", "x"))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := layer.Unpack(ctx, bytes.NewReader(data), t.TempDir(), layer.Options{DiffID: digest.FromBytes(data)})
	if !errors.Is(err, context.Canceled) || errors.Is(err, mctr.ErrInvalid) {
		t.Errorf("%v, want Canceled and no blame", err)
	}
}

// FuzzUnpack unpacks arbitrary bytes, alone and merged, and checks that nothing outside the root
// changes.
func FuzzUnpack(f *testing.F) {
	f.Add(imagetest.Tar(f, imagetest.Dir("d", 0o755), imagetest.File("d/f", "x"), imagetest.Symlink("l", "/outside"),
		imagetest.Link("h", "d/f")))
	f.Add(imagetest.Tar(f, imagetest.Symlink("l", ".."), imagetest.File("l/outside", "x"), imagetest.Whiteout("l/a"),
		imagetest.Opaque("d")))
	f.Add(imagetest.Gzip(f, imagetest.Tar(f, imagetest.File("a", "x").With(imagetest.Override("path", "../outside")))))
	limits := layer.Limits{Bytes: 1 << 20, Entries: 50, Xattrs: 5, XattrBytes: 1000}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, form := range []layer.Form{layer.Alone, layer.Merged} {
			outer := t.TempDir()
			dir := filepath.Join(outer, "root")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(outer, "outside"), []byte("alive"), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := layer.Unpack(context.Background(), bytes.NewReader(data), dir,
				layer.Options{Form: form, DiffID: digest.FromBytes(data), Limits: limits})
			entries, listErr := os.ReadDir(outer)
			alive, readErr := os.ReadFile(filepath.Join(outer, "outside"))
			if listErr != nil || readErr != nil || len(entries) != 2 || string(alive) != "alive" {
				t.Errorf("after %v: %v %v, %d entries, %q", err, listErr, readErr, len(entries), alive)
			}
		}
	})
}
