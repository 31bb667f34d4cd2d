package provisioner_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/provisioner"
	"github.com/mctr/mctr/provisioner/imagetest"
)

// newProvisioner returns one with its root in a directory of the test.
func newProvisioner(t *testing.T, opts ...provisioner.Option) (*provisioner.Provisioner, string) {
	t.Helper()
	root := t.TempDir()
	p, err := provisioner.New(root, append([]provisioner.Option{provisioner.WithHostsDirs()}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return p, root
}

// launch leases, mounts, looks, and takes all away again.
func launch(t *testing.T, p *provisioner.Provisioner, ref string, o provisioner.MountOptions,
	look func(target string)) {
	t.Helper()
	ctx := context.Background()
	img, err := p.Lease(ctx, "holder", ref, provisioner.PullOptions{})
	if err != nil {
		t.Fatal(err)
	}
	rw, target := filepath.Join(t.TempDir(), "rw"), filepath.Join(t.TempDir(), "rootfs")
	defer func() {
		for range 2 {
			if err := p.Unmount(ctx, rw, target); err != nil {
				t.Error(err)
			}
		}
		if err := p.Release("holder"); err != nil {
			t.Error(err)
		}
	}()
	if err := p.Mount(ctx, img, rw, target, o); err != nil {
		t.Fatal(err)
	}
	look(target)
}

func wantFile(t *testing.T, path, content string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil || string(data) != content {
		t.Errorf("%s: %q, %v; want %q", path, data, err, content)
	}
}

func TestLaunchFromLayout(t *testing.T) {
	for _, backend := range []string{"overlay", "copy", ""} {
		t.Run("backend="+backend, func(t *testing.T) {
			p, _ := newProvisioner(t, provisioner.WithBackend(backend))
			ref := imagetest.Layout(t, t.TempDir(), "v1", imagetest.Simple(t, "hello"))
			launch(t, p, ref, provisioner.MountOptions{}, func(target string) {
				wantFile(t, filepath.Join(target, "etc/text"), "hello")
				if err := os.WriteFile(filepath.Join(target, "etc/text"), []byte("changed"), 0o644); err != nil {
					t.Error(err)
				}
			})
			launch(t, p, ref, provisioner.MountOptions{}, func(target string) {
				wantFile(t, filepath.Join(target, "etc/text"), "hello")
			})
		})
	}
}

func TestRemoveRefusesLeased(t *testing.T) {
	ctx := context.Background()
	p, root := newProvisioner(t)
	ref := imagetest.Layout(t, t.TempDir(), "v1", imagetest.Simple(t, "hello"))
	if _, err := p.Lease(ctx, "c1", ref, provisioner.PullOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Remove(ctx, ref, false); !errors.Is(err, mctr.ErrState) {
		t.Fatalf("remove a leased image: %v, want ErrState", err)
	}
	if err := p.Release("c1"); err != nil {
		t.Fatal(err)
	}
	r, err := p.Remove(ctx, ref, false)
	if err != nil || len(r.Untagged) != 1 || len(r.Layers) != 1 || len(r.Blobs) != 3 {
		t.Fatalf("remove: %+v, %v", r, err)
	}
	wantEmptyStore(t, root)
}

// wantEmptyStore fails if anything but the store's own directories and its lock
// is left.
func wantEmptyStore(t *testing.T, root string) {
	t.Helper()
	for _, name := range storeFiles(t, root) {
		t.Errorf("left behind: %s", name)
	}
}

// storeFiles lists all files and all directories that are not the store's own.
// Unpacked layers count as one.
func storeFiles(t *testing.T, root string) (names []string) {
	t.Helper()
	own := []string{".", "lock", "locks", "blobs", "blobs/sha256", "layers", "refs", "leases", "tmp"}
	dir := filepath.Join(root, "images")
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err == nil && !slices.Contains(own, rel) {
			names = append(names, rel)
			if d.IsDir() {
				return filepath.SkipDir
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return names
}
