package provisioner_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/provisioner"
	"github.com/mctr/mctr/provisioner/imagetest"
)

// TestRootfs: a plain directory is a container's root, and is never written to.
func TestRootfs(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tree")
	if err := os.MkdirAll(filepath.Join(dir, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "etc/text"), []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	for _, backend := range []string{"overlay", "copy"} {
		p, root := newProvisioner(t, provisioner.WithBackend(backend))
		launch(t, p, "rootfs:"+dir, provisioner.MountOptions{}, func(target string) {
			wantFile(t, filepath.Join(target, "etc/text"), "mine")
			if info, err := os.Stat(target); err != nil || info.Mode().Perm() != 0o711 {
				t.Errorf("root directory: %v, %v", info.Mode(), err)
			}
			if err := os.WriteFile(filepath.Join(target, "etc/text"), []byte("changed"), 0o644); err != nil {
				t.Error(err)
			}
			held, err := p.Leases()
			if err != nil || held["holder"] == nil || held["holder"].Rootfs != dir {
				t.Errorf("leases: %v, %v", held, err)
			}
			if _, err := p.Prune(context.Background(), provisioner.PruneOptions{All: true}); err != nil {
				t.Error(err)
			}
		})
		wantFile(t, filepath.Join(dir, "etc/text"), "mine")
		wantEmptyStore(t, root)
	}
	p, _ := newProvisioner(t)
	for ref, want := range map[string]error{"rootfs:/no/such": mctr.ErrNotFound,
		"rootfs:" + dir + "/etc/text": mctr.ErrInvalid} {
		if _, err := p.Lease(context.Background(), "c", ref, provisioner.PullOptions{}); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", ref, err, want)
		}
	}
}

// TestLocalSourceChanges: a layout or archive that was written anew is read
// anew, one that was not is not opened.
func TestLocalSourceChanges(t *testing.T) {
	dir := t.TempDir()
	writers := map[string]func(imagetest.Content) string{
		"oci": func(c imagetest.Content) string {
			return imagetest.Layout(t, filepath.Join(dir, "l"), "v1", c)
		},
		"oci-archive": func(c imagetest.Content) string {
			return imagetest.OCIArchive(t, filepath.Join(dir, "a.tar"), "v1", c)
		},
		"docker-archive": func(c imagetest.Content) string {
			return imagetest.DockerArchive(t, filepath.Join(dir, "d.tar"), "x:v1", c)
		},
	}
	for name, write := range writers {
		t.Run(name, func(t *testing.T) {
			p, _ := newProvisioner(t)
			for _, text := range []string{"old", "newer"} {
				ref := write(imagetest.Simple(t, text))
				var kinds []provisioner.EventKind
				for range 2 {
					kinds = nil
					img, err := p.Pull(context.Background(), ref,
						provisioner.PullOptions{Progress: func(e provisioner.Event) { kinds = append(kinds, e.Kind) }})
					if err != nil || img.Config.Env[0] != "TEXT="+text {
						t.Fatalf("%+v, %v; want %s", img, err, text)
					}
				}
				if len(kinds) > 0 {
					t.Errorf("the second pull did %v", kinds)
				}
			}
		})
	}
}

func TestTags(t *testing.T) {
	dir := t.TempDir()
	imagetest.Layout(t, dir, "v1", imagetest.Simple(t, "x"))
	archive := imagetest.DockerArchive(t, filepath.Join(dir, "d.tar"), "team/app:v1", imagetest.Simple(t, "x"))
	p, _ := newProvisioner(t)
	for ref, want := range map[string]error{
		"oci:" + dir: nil, "oci:" + dir + ":v1": nil, "oci:" + dir + ":v2": mctr.ErrNotFound,
		"oci:" + dir + "/none": mctr.ErrNotFound,
		archive:                nil, "docker-archive:" + filepath.Join(dir, "d.tar"): nil,
		"docker-archive:" + filepath.Join(dir, "d.tar") + ":other": mctr.ErrNotFound,
		"docker-archive:" + filepath.Join(dir, "none.tar"):         mctr.ErrNotFound,
		"oci-archive:" + filepath.Join(dir, "d.tar"):               mctr.ErrNotFound,
		"oci-archive:" + filepath.Join(dir, "index.json"):          mctr.ErrInvalid, "0123456789ab": mctr.ErrNotFound,
	} {
		policy := provisioner.Missing
		if ref == "0123456789ab" {
			policy = provisioner.Never
		}
		if _, err := p.Pull(context.Background(), ref, provisioner.PullOptions{Policy: policy}); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", ref, err, want)
		}
	}
}

// TestCompressedArchive: `docker save | gzip` and layers compressed within.
func TestCompressedArchive(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "d.tar")
	imagetest.DockerArchive(t, file, "x:v1", imagetest.Simple(t, "packed"))
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, imagetest.Gzip(t, data), 0o644); err != nil {
		t.Fatal(err)
	}
	p, _ := newProvisioner(t)
	launch(t, p, "docker-archive:"+file, provisioner.MountOptions{}, func(target string) {
		wantFile(t, filepath.Join(target, "etc/text"), "packed")
	})
}

func TestProgress(t *testing.T) {
	c := big(t, 1<<20)
	ref := imagetest.NewRegistry(t).Push(t, "image", "v1", c)
	p, _ := newProvisioner(t)
	last := map[digest.Digest]provisioner.Event{}
	var kinds []provisioner.EventKind
	_, err := p.Pull(context.Background(), ref, provisioner.PullOptions{Progress: func(e provisioner.Event) {
		if e.Done < last[e.Digest].Done || e.Done > e.Total {
			t.Errorf("%+v after %+v", e, last[e.Digest])
		}
		last[e.Digest] = e
		if !slices.Contains(kinds, e.Kind) {
			kinds = append(kinds, e.Kind)
		}
	}})
	want := []provisioner.EventKind{provisioner.Resolved, provisioner.Fetching, provisioner.Unpacking,
		provisioner.Unpacked, provisioner.Done}
	if err != nil || !slices.Equal(kinds, want) {
		t.Errorf("%v, %v; want %v", kinds, err, want)
	}
	for _, l := range c.Manifest(t).Layers {
		if e := last[l.Digest]; e.Done != l.Size || e.Total != l.Size || e.Kind != provisioner.Unpacked {
			t.Errorf("layer ended as %+v", e)
		}
	}
}

// TestInspectAndRemove: images are found by name and id; what several images
// share goes with the last.
func TestInspectAndRemove(t *testing.T) {
	ctx := context.Background()
	p, root := newProvisioner(t)
	c := imagetest.Simple(t, "x")
	a, b := imagetest.Layout(t, t.TempDir(), "a", c), imagetest.Layout(t, t.TempDir(), "b", c)
	for _, ref := range []string{a, b} {
		if _, err := p.Pull(ctx, ref, provisioner.PullOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	img, err := p.Inspect(ctx, a)
	if err != nil || digest.FromBytes(img.RawManifest) != img.Digest || digest.FromBytes(img.RawConfig) != img.ID ||
		img.Size == 0 || img.Unpacked == 0 {
		t.Fatalf("%+v, %v", img, err)
	}
	if all, err := p.Images(ctx); err != nil || len(all) != 2 {
		t.Errorf("images: %d, %v", len(all), err)
	}
	if _, err := p.Lease(ctx, "c1", a, provisioner.PullOptions{}); err != nil {
		t.Fatal(err)
	}
	if r, err := p.Remove(ctx, a, false); err != nil || len(r.Untagged) != 1 || len(r.Layers) != 0 {
		t.Errorf("remove one of two names: %+v, %v", r, err)
	}
	if _, err := p.Remove(ctx, img.ID.Encoded()[:10], false); !errors.Is(err, mctr.ErrState) {
		t.Errorf("remove the last name of a leased image: %v, want ErrState", err)
	}
	if r, err := p.Remove(ctx, img.ID.Encoded()[:10], true); err != nil || len(r.Untagged) != 1 || len(r.Layers) != 0 {
		t.Errorf("remove by force: %+v, %v", r, err)
	}
	if _, err := p.Remove(ctx, a, false); !errors.Is(err, mctr.ErrNotFound) {
		t.Errorf("remove what is not there: %v, want ErrNotFound", err)
	}
	if err := p.Release("c1"); err != nil {
		t.Error(err)
	}
	if r, err := p.Prune(ctx, provisioner.PruneOptions{DryRun: true}); err != nil || len(r.Layers) != 1 ||
		len(r.Blobs) != 3 {
		t.Errorf("dry run: %+v, %v", r, err)
	}
	if r, err := p.Prune(ctx, provisioner.PruneOptions{}); err != nil || len(r.Layers) != 1 || len(r.Blobs) != 3 {
		t.Errorf("prune: %+v, %v", r, err)
	}
	wantEmptyStore(t, root)
}

func TestPruneAll(t *testing.T) {
	ctx := context.Background()
	p, _ := newProvisioner(t)
	refs := map[string]string{}
	for _, name := range []string{"leased", "kept", "gone"} {
		refs[name] = imagetest.Layout(t, t.TempDir(), "", imagetest.Simple(t, name))
		if _, err := p.Pull(ctx, refs[name], provisioner.PullOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.Lease(ctx, "c1", refs["leased"], provisioner.PullOptions{}); err != nil {
		t.Fatal(err)
	}
	r, err := p.Prune(ctx,
		provisioner.PruneOptions{All: true, Keep: func(i provisioner.Image) bool {
			return i.Reference == refs["kept"]
		}})
	if err != nil || !slices.Equal(r.Untagged, []string{refs["gone"]}) || len(r.Layers) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestLaunchesAndPrunesAtOnce: whatever prunes remove meanwhile, a launch never
// finds its image half gone.
func TestLaunchesAndPrunesAtOnce(t *testing.T) {
	ctx := context.Background()
	root := t.TempDir()
	ref := imagetest.Layout(t, t.TempDir(), "", mixed(t))
	stop := make(chan struct{})
	var pruning, launching sync.WaitGroup
	pruning.Go(func() {
		p, _ := provisioner.New(root)
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := p.Prune(ctx, provisioner.PruneOptions{All: true}); err != nil {
				t.Error(err)
			}
		}
	})
	for _, holder := range []string{"a", "b"} {
		launching.Go(func() {
			p, _ := provisioner.New(root)
			for range 15 {
				img, err := p.Lease(ctx, holder, ref, provisioner.PullOptions{})
				if err != nil {
					t.Error(err)
					return
				}
				rw, target := filepath.Join(root, holder, "rw"), filepath.Join(root, holder, "target")
				if err := p.Mount(ctx, img, rw, target, provisioner.MountOptions{}); err != nil {
					t.Error(err)
				} else if _, err := os.Stat(filepath.Join(target, "d/b")); err != nil {
					t.Error(err)
				}
				if err := errors.Join(p.Unmount(ctx, rw, target), p.Release(holder)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	launching.Wait()
	close(stop)
	pruning.Wait()
}

func TestHolderNames(t *testing.T) {
	p, _ := newProvisioner(t)
	ref := imagetest.Layout(t, t.TempDir(), "", imagetest.Simple(t, "x"))
	for _, holder := range []string{"", ".", "../x", "a/b", "a\nb", "-a"} {
		if _, err := p.Lease(context.Background(), holder, ref,
			provisioner.PullOptions{}); !errors.Is(err, mctr.ErrInvalid) {
			t.Errorf("holder %q: %v, want ErrInvalid", holder, err)
		}
		if err := p.Release(holder); !errors.Is(err, mctr.ErrInvalid) {
			t.Errorf("release %q: %v, want ErrInvalid", holder, err)
		}
	}
}

func TestOptions(t *testing.T) {
	for _, o := range []provisioner.Option{provisioner.WithBackend("zfs"), provisioner.WithConcurrency(0),
		provisioner.WithConcurrency(65)} {
		if _, err := provisioner.New("/nonexistent", o); !errors.Is(err, mctr.ErrInvalid) {
			t.Errorf("%v, want ErrInvalid", err)
		}
	}
}

// TestCopyWhereOverlayCannot: beneath an overlay there is no overlay; the same
// calls fall back to a copy, layers that need their parents included.
func TestCopyWhereOverlayCannot(t *testing.T) {
	ctx := context.Background()
	outer, _ := newProvisioner(t)
	empty := imagetest.Layout(t, t.TempDir(), "", imagetest.Build(t, imagetest.Spec{}))
	launch(t, outer, empty, provisioner.MountOptions{}, func(target string) {
		p, err := provisioner.New(filepath.Join(target, "root"))
		if err != nil {
			t.Fatal(err)
		}
		ref := imagetest.Layout(t, t.TempDir(), "", mixed(t))
		img, err := p.Lease(ctx, "inner", ref, provisioner.PullOptions{})
		if err != nil {
			t.Fatal(err)
		}
		rw, inner := filepath.Join(target, "rw"), filepath.Join(target, "inner")
		for range 2 { // the second time on what the first left
			if err := p.Mount(ctx, img, rw, inner, provisioner.MountOptions{}); err != nil {
				t.Fatal(err)
			}
			if info, err := os.Stat(filepath.Join(inner, "d")); err != nil || info.Mode().Perm() != 0o711 {
				t.Errorf("%v, %v", info, err)
			}
			if _, err := os.Stat(filepath.Join(rw, "rootfs/d/b")); err != nil {
				t.Errorf("not copied: %v", err)
			}
			if err := p.Unmount(ctx, rw, inner); err != nil {
				t.Error(err)
			}
		}
	})
}

// BenchmarkWarmLease is the part of a launch that finds its image.
func BenchmarkWarmLease(b *testing.B) {
	ctx := context.Background()
	p, err := provisioner.New(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	ref := imagetest.Layout(b, b.TempDir(), "", imagetest.Simple(b, "x"))
	for b.Loop() {
		if _, err := p.Lease(ctx, "holder", ref, provisioner.PullOptions{}); err != nil {
			b.Fatal(err)
		}
		if err := p.Release("holder"); err != nil {
			b.Fatal(err)
		}
	}
}
