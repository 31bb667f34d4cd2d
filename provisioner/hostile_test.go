package provisioner_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/provisioner"
	"github.com/mctr/mctr/provisioner/imagetest"
	"github.com/mctr/mctr/provisioner/layer"
	"github.com/mctr/mctr/provisioner/manifest"
)

// tight are limits that a test can reach.
var tight = provisioner.Limits{
	Limits: manifest.Limits{Document: 64 << 10, Layers: 20},
	Layer:  layer.Limits{Bytes: 1 << 20, Entries: 100, Xattrs: 10, XattrBytes: 4 << 10},
}

// hostileLayers are layers that no honest tool makes. Those with an error are
// refused; the others do their mischief inside the root alone, where their
// container may do it too, and want lists what is to be found there.
var hostileLayers = []struct {
	name   string
	layers []entries
	err    string
	want   map[string]string
}{
	{name: "dot dot", layers: []entries{{imagetest.File("../escape", "x")}}, err: "the name has .. in it"},
	{name: "dot dot within", layers: []entries{{imagetest.Dir("a", 0o755), imagetest.File("a/../../escape", "x")}},
		err: "the name has .. in it"},
	{name: "pax path", layers: []entries{{imagetest.File("good", "x").With(imagetest.Override("path", "../escape"))}},
		err: "the name has .. in it"},
	{name: "pax link path",
		layers: []entries{{imagetest.Link("a", "b").With(imagetest.Override("linkpath", "../../canary"))}},
		err:    "the name has .. in it"},
	{name: "absolute name", layers: []entries{{imagetest.Dir("/tmp", 0o755), imagetest.File("/tmp/mctr-escape", "x")}},
		want: map[string]string{"tmp/mctr-escape": "x"}},
	{name: "write through a link",
		layers: []entries{{imagetest.Symlink("a", "CANARYDIR"), imagetest.File("a/canary", "bad")}},
		want:   map[string]string{"CANARYDIR/canary": "bad"}},
	{name: "write through a link of a lower layer",
		layers: []entries{{imagetest.Symlink("a", "CANARYDIR")}, {imagetest.File("a/canary", "bad")}},
		want:   map[string]string{"CANARYDIR/canary": "bad"}},
	{name: "write through a relative link",
		layers: []entries{{imagetest.Symlink("a", "../../../../../../../../CANARYDIR"),
			imagetest.File("a/canary", "bad")}}, want: map[string]string{"CANARYDIR/canary": "bad"}},
	{name: "overwrite a link",
		layers: []entries{{imagetest.Symlink("a", "CANARYDIR/canary"), imagetest.File("a", "own")}},
		want:   map[string]string{"a": "own"}},
	{name: "hard link outside", layers: []entries{{imagetest.Link("a", "../../canary")}}, err: "the name has .. in it"},
	{name: "hard link by absolute name", layers: []entries{{imagetest.Link("a", "CANARYDIR/canary")}},
		err: "no such file"},
	{name: "hard link through a link",
		layers: []entries{{imagetest.Symlink("d", "CANARYDIR"), imagetest.Link("a", "d/canary")}}, err: "no such file"},
	{name: "link loop",
		layers: []entries{{imagetest.Symlink("a", "b"), imagetest.Symlink("b", "a"), imagetest.File("a/x", "1")}},
		err:    "too many levels"},
	{name: "root as a link", layers: []entries{{imagetest.Symlink(".", "CANARYDIR")}}, err: "root"},
	{name: "root as a file",
		layers: []entries{{imagetest.File("./", "x").With(func(e *imagetest.Entry) {
			e.Typeflag = tar.TypeReg
			e.Name = "."
		})}}, err: "root"},
	{name: "whiteout of the parent", layers: []entries{{imagetest.File(".wh...", "")}}, err: `whiteout of ".."`},
	{name: "whiteout of the directory", layers: []entries{{imagetest.File(".wh..", "")}}, err: `whiteout of "."`},
	{name: "whiteout of nothing", layers: []entries{{imagetest.File(".wh.", "")}}, err: `whiteout of ""`},
	{name: "whiteout through a link",
		layers: []entries{{imagetest.Symlink("d", "CANARYDIR")}, {imagetest.File("d/.wh.canary", "")}}},
	{name: "opaque through a link", layers: []entries{{imagetest.Symlink("d", "CANARYDIR")}, {imagetest.Opaque("d")}}},
	{name: "opaque through a link of the same layer",
		layers: []entries{{imagetest.Symlink("d", "CANARYDIR"), imagetest.Opaque("d")}}},
	{name: "whiteout as a device", layers: []entries{{imagetest.File("dev", "hidden"), imagetest.File("stays", "x")},
		{imagetest.Special("dev", tar.TypeChar, 0, 0), imagetest.Special("d/nothing", tar.TypeChar, 0, 0),
			imagetest.File("after", "y")}},
		want: map[string]string{"stays": "x", "after": "y"}},
	{name: "overlay attributes", layers: []entries{{imagetest.Dir("d", 0o755), imagetest.File("d/stays", "x")},
		{imagetest.Dir("d", 0o755).With(imagetest.Xattr("trusted.overlay.opaque", "y"),
			imagetest.Xattr("trusted.overlay.redirect", "/"))}},
		want: map[string]string{"d/stays": "x"}},
	{name: "overlay attributes upon parents",
		layers: []entries{{imagetest.Dir("d", 0o755), imagetest.Dir("d/e", 0o755), imagetest.File("d/e/stays", "x")},
			{imagetest.Dir("d/e", 0o755).With(imagetest.Xattr("trusted.overlay.opaque", "y"),
				imagetest.Xattr("trusted.overlay.metacopy", ""))}},
		want: map[string]string{"d/e/stays": "x"}},
	{name: "many attributes", layers: []entries{{manyXattrs(11, "v")}}, err: "extended attributes"},
	{name: "large attributes", layers: []entries{{manyXattrs(3, strings.Repeat("v", 2000))}},
		err: "extended attributes"},
	{name: "many entries", layers: []entries{manyFiles(101)}, err: "more than 100 entries"},
	{name: "many bytes", layers: []entries{{imagetest.File("zeros", strings.Repeat("\x00", 1<<20+1))}},
		err: "larger than"},
	{name: "many bytes over layers",
		layers: []entries{{imagetest.File("a", strings.Repeat("\x00", 5<<17))},
			{imagetest.File("b", strings.Repeat("\x00", 5<<17))}}, err: "unpack to more than"},
	{name: "a long name", layers: []entries{{imagetest.File(strings.Repeat("d/", 3000)+"f", "x")}},
		err: "a name is longer"},
}

func manyXattrs(n int, value string) imagetest.Entry {
	e := imagetest.File("f", "x")
	for i := range n {
		e = e.With(imagetest.Xattr(fmt.Sprintf("user.x%d", i), value))
	}
	return e
}

func manyFiles(n int) entries {
	var all entries
	for i := range n {
		all = append(all, imagetest.File(fmt.Sprintf("f%d", i), ""))
	}
	return all
}

// A canary is a directory outside of every root whose state must not change.
type canary struct {
	dir    string
	before map[string]imagetest.Node
}

func newCanary(t *testing.T) canary {
	t.Helper()
	c := canary{dir: t.TempDir()}
	if err := os.WriteFile(filepath.Join(c.dir, "canary"), []byte("alive"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.before = imagetest.Tree(t, c.dir)
	return c
}

func (c canary) check(t *testing.T) {
	t.Helper()
	if diff := cmp.Diff(c.before, imagetest.Tree(t, c.dir)); diff != "" {
		t.Errorf("something outside of the root changed (-before +after):\n%s", diff)
	}
	for _, escaped := range []string{"/tmp/mctr-escape", "/escape"} {
		if _, err := os.Lstat(escaped); err == nil {
			t.Errorf("%s exists", escaped)
		}
	}
}

// aim puts the canary's directory where a hostile layer names it.
func (c canary) aim(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "/CANARYDIR", c.dir), "CANARYDIR", c.dir)
}

func (c canary) layers(t *testing.T, all []entries) [][]byte {
	t.Helper()
	var tars [][]byte
	for _, l := range all {
		var aimed entries
		for _, e := range l {
			e.Linkname = c.aim(e.Linkname)
			aimed = append(aimed, e)
		}
		tars = append(tars, imagetest.Tar(t, aimed...))
	}
	return tars
}

// transports are the ways an image comes in.
var transports = map[string]func(*testing.T, imagetest.Content) string{
	"oci": func(t *testing.T, c imagetest.Content) string { return imagetest.Layout(t, t.TempDir(), "", c) },
	"oci-archive": func(t *testing.T, c imagetest.Content) string {
		return imagetest.OCIArchive(t, t.TempDir()+"/a.tar", "", c)
	},
	"docker-archive": func(t *testing.T, c imagetest.Content) string {
		return imagetest.DockerArchive(t, t.TempDir()+"/a.tar", "", c)
	},
	"registry": func(t *testing.T, c imagetest.Content) string {
		return imagetest.NewRegistry(t).Push(t, "image", "v1", c)
	},
}

func TestHostileLayers(t *testing.T) {
	for _, h := range hostileLayers {
		for from, write := range transports {
			for _, backend := range []string{"overlay", "copy"} {
				t.Run(h.name+"/"+from+"/"+backend, func(t *testing.T) {
					t.Parallel()
					c := newCanary(t)
					image := imagetest.Build(t, imagetest.Spec{Layers: c.layers(t, h.layers)})
					p, root := newProvisioner(t, provisioner.WithBackend(backend), provisioner.WithLimits(tight))
					ref := write(t, image)
					if h.err != "" {
						refused(t, p, root, ref, h.err)
					} else {
						contained(t, p, ref, c, h.want)
					}
					c.check(t)
				})
			}
		}
	}
}

// refused wants a clear error and nothing left.
func refused(t *testing.T, p *provisioner.Provisioner, root, ref, text string) {
	t.Helper()
	_, err := p.Lease(context.Background(), "c1", ref, provisioner.PullOptions{})
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Fatalf("%v; want an error with %q", err, text)
	}
	if !errors.Is(err, mctr.ErrInvalid) {
		t.Errorf("%v: want ErrInvalid", err)
	}
	wantEmptyStore(t, root)
}

func contained(t *testing.T, p *provisioner.Provisioner, ref string, c canary, want map[string]string) {
	t.Helper()
	launch(t, p, ref, provisioner.MountOptions{}, func(target string) {
		for name, content := range want {
			wantFile(t, filepath.Join(target, c.aim(name)), content)
		}
	})
}

// hostileImages lie in their documents.
var hostileImages = []struct {
	name  string
	build func(*testing.T) imagetest.Content
	err   string
	not   []string // transports that cannot carry the lie
}{
	{name: "blob is not its digest", err: "does not match its descriptor", not: []string{"docker-archive"},
		build: func(t *testing.T) imagetest.Content {
			c := imagetest.Simple(t, "x")
			d := c.Manifest(t).Layers[0].Digest
			c.Blobs[d] = bytes.Replace(c.Blobs[d], c.Blobs[d][20:24], []byte("abcd"), 1)
			return c
		}},
	{name: "blob is larger than declared", err: "declared", not: []string{"docker-archive"},
		build: func(t *testing.T) imagetest.Content {
			return imagetest.Build(t,
				imagetest.Spec{Layers: [][]byte{imagetest.Tar(t, imagetest.File("a", "1"))},
					EditManifest: func(m *v1.Manifest) { m.Layers[0].Size -= 10 }})
		}},
	{name: "blob is smaller than declared", err: "", not: []string{"docker-archive"},
		build: func(t *testing.T) imagetest.Content {
			return imagetest.Build(t,
				imagetest.Spec{Layers: [][]byte{imagetest.Tar(t, imagetest.File("a", "1"))},
					EditManifest: func(m *v1.Manifest) { m.Layers[0].Size += 10 }})
		}},
	{name: "diffID lies", err: "does not match the image config", build: func(t *testing.T) imagetest.Content {
		return imagetest.Build(t,
			imagetest.Spec{Layers: [][]byte{imagetest.Tar(t, imagetest.File("a", "1"))}, EditConfig: func(c *v1.Image) {
				c.RootFS.DiffIDs[0] = digest.FromString("lie")
			}})
	}},
	{name: "too few diffIDs", err: "names 0 diffIDs for 1 layers", build: func(t *testing.T) imagetest.Content {
		return imagetest.Build(t,
			imagetest.Spec{Layers: [][]byte{imagetest.Tar(t)}, EditConfig: func(c *v1.Image) {
				c.RootFS.DiffIDs = nil
			}})
	}},
	{name: "diffID is a path", err: "diffID", build: func(t *testing.T) imagetest.Content {
		return imagetest.Build(t,
			imagetest.Spec{Layers: [][]byte{imagetest.Tar(t)}, EditConfig: func(c *v1.Image) {
				c.RootFS.DiffIDs[0] = "sha256:../../../etc"
			}})
	}},
	{name: "digest is a path", err: "digest", not: []string{"docker-archive"},
		build: func(t *testing.T) imagetest.Content {
			return imagetest.Build(t,
				imagetest.Spec{Layers: [][]byte{imagetest.Tar(t)}, EditManifest: func(m *v1.Manifest) {
					m.Layers[0].Digest = "sha256:../../../../../etc/passwd"
				}})
		}},
	{name: "negative size", err: "size -1", not: []string{"docker-archive"},
		build: func(t *testing.T) imagetest.Content {
			return imagetest.Build(t,
				imagetest.Spec{Layers: [][]byte{imagetest.Tar(t)}, EditManifest: func(m *v1.Manifest) {
					m.Layers[0].Size = -1
				}})
		}},
	{name: "config is not an image config", err: "not of a container image", not: []string{"docker-archive"},
		build: func(t *testing.T) imagetest.Content {
			return imagetest.Build(t,
				imagetest.Spec{EditManifest: func(m *v1.Manifest) {
					m.Config.MediaType = "application/vnd.cncf.helm.config.v1+json"
				}})
		}},
	{name: "no config", err: "not found", not: []string{"docker-archive"}, build: func(t *testing.T) imagetest.Content {
		c := imagetest.Simple(t, "x")
		delete(c.Blobs, c.Manifest(t).Config.Digest)
		return c
	}},
	{name: "no layer", err: "not found", not: []string{"docker-archive"}, build: func(t *testing.T) imagetest.Content {
		c := imagetest.Simple(t, "x")
		delete(c.Blobs, c.Manifest(t).Layers[0].Digest)
		return c
	}},
	{name: "large config", err: "image config of", not: []string{"docker-archive"},
		build: func(t *testing.T) imagetest.Content {
			return imagetest.Build(t, imagetest.Spec{Config: v1.ImageConfig{User: strings.Repeat("u", 70<<10)}})
		}},
	{name: "large manifest", err: "bytes: more than the 65536 allowed", not: []string{"docker-archive"},
		build: func(t *testing.T) imagetest.Content {
			return imagetest.Build(t,
				imagetest.Spec{EditManifest: func(m *v1.Manifest) {
					m.Annotations = map[string]string{"a": strings.Repeat("u", 70<<10)}
				}})
		}},
	{name: "many layers", err: "image of 21 layers", build: func(t *testing.T) imagetest.Content {
		return imagetest.Build(t, imagetest.Spec{Layers: make([][]byte, 21)})
	}},
	{name: "index of indexes", err: "more than 3 indexes", not: []string{"docker-archive"},
		build: func(t *testing.T) imagetest.Content {
			c := imagetest.Simple(t, "x")
			for range 5 {
				c = imagetest.Index(t, c)
			}
			return c
		}},
	{name: "manifest and index at once", err: "claims to be both", not: []string{"docker-archive"},
		build: func(t *testing.T) imagetest.Content {
			c := imagetest.Simple(t, "x")
			both := bytes.Replace(c.Blobs[c.Top.Digest], []byte(`{`), []byte(`{"manifests":[],`), 1)
			c.Top = c.Add(v1.MediaTypeImageManifest, both)
			return c
		}},
	{name: "not compressed as known", err: "compressed with xz", build: func(t *testing.T) imagetest.Content {
		return imagetest.Build(t, imagetest.Spec{Compress: "none", Layers: [][]byte{[]byte("\xfd7zXZ\x00 and so on")}})
	}},
	{name: "no tar", err: "read layer", build: func(t *testing.T) imagetest.Content {
		return imagetest.Build(t, imagetest.Spec{Layers: [][]byte{bytes.Repeat([]byte("garbage"), 1000)}})
	}},
	{name: "cut off compression", err: "unexpected EOF", build: func(t *testing.T) imagetest.Content {
		whole := imagetest.Gzip(t, imagetest.Tar(t, imagetest.File("a", strings.Repeat("abc", 10000))))
		return imagetest.Build(t, imagetest.Spec{Compress: "none", Layers: [][]byte{whole[:len(whole)-20]}})
	}},
	{name: "gzip bomb", err: "longer than", build: func(t *testing.T) imagetest.Content {
		return imagetest.Build(t, imagetest.Spec{Layers: [][]byte{make([]byte, 20<<20)}})
	}},
	{name: "zstd bomb", err: "longer than", build: func(t *testing.T) imagetest.Content {
		return imagetest.Build(t, imagetest.Spec{Compress: "zstd", Layers: [][]byte{make([]byte, 20<<20)}})
	}},
}

func TestHostileImages(t *testing.T) {
	for _, h := range hostileImages {
		for from, write := range transports {
			if slices.Contains(h.not, from) {
				continue
			}
			t.Run(h.name+"/"+from, func(t *testing.T) {
				t.Parallel()
				p, root := newProvisioner(t, provisioner.WithLimits(tight))
				ref := carry(t, from, write, h.build(t))
				_, err := p.Lease(context.Background(), "c1", ref, provisioner.PullOptions{})
				if err == nil || !strings.Contains(err.Error(), h.err) {
					t.Fatalf("%v; want an error with %q", err, h.err)
				}
				if _, err := p.Prune(context.Background(), provisioner.PruneOptions{}); err != nil {
					t.Error(err)
				}
				wantEmptyStore(t, root)
			})
		}
	}
}

// carry writes an image; a registry is made to serve what it would not take.
func carry(t *testing.T, from string, write func(*testing.T, imagetest.Content) string, c imagetest.Content) string {
	t.Helper()
	if from != "registry" {
		return write(t, c)
	}
	return lyingRegistry(t, c)
}

// lyingRegistry serves content as it is, whatever it claims to be.
func lyingRegistry(t *testing.T, c imagetest.Content) string {
	t.Helper()
	r := imagetest.NewRegistry(t)
	r.Intercept = func(w http.ResponseWriter, req *http.Request) bool {
		name := filepath.Base(req.URL.Path)
		data, ok := c.Blobs[digest.Digest(name)]
		if name == "v1" {
			data, ok = c.Blobs[c.Top.Digest], true
			w.Header().Set("Content-Type", c.Top.MediaType)
		}
		if !ok {
			return false
		}
		_, _ = w.Write(data)
		return true
	}
	return r.Host() + "/image:v1"
}

// TestHundredMegabyteManifest wants a registry's huge answer refused before it
// is read, and one that hides its length while it is read.
func TestHundredMegabyteManifest(t *testing.T) {
	for _, hidden := range []bool{false, true} {
		r := imagetest.NewRegistry(t)
		sent := 0
		r.Intercept = func(w http.ResponseWriter, req *http.Request) bool {
			if !strings.Contains(req.URL.Path, "/manifests/") {
				return false
			}
			if !hidden {
				w.Header().Set("Content-Length", fmt.Sprint(100<<20))
			}
			for chunk := make([]byte, 1<<20); sent < 100<<20; sent += len(chunk) {
				if _, err := w.Write(chunk); err != nil {
					break
				}
			}
			return true
		}
		p, root := newProvisioner(t)
		_, err := p.Pull(context.Background(), r.Host()+"/image:v1", provisioner.PullOptions{})
		if !errors.Is(err, mctr.ErrInvalid) || !strings.Contains(err.Error(), "more than the 4194304 allowed") {
			t.Errorf("hidden %v: %v", hidden, err)
		}
		r.Close()
		if sent > 50<<20 {
			t.Errorf("hidden %v: %d bytes were taken", hidden, sent)
		}
		wantEmptyStore(t, root)
	}
}

// TestOverlayAttributes: what a layer says of overlayfs is data to its
// container, and of no effect on the layers.
func TestOverlayAttributes(t *testing.T) {
	c := imagetest.Build(t, imagetest.Spec{Layers: [][]byte{
		imagetest.Tar(t, imagetest.Dir("d", 0o755), imagetest.File("d/stays", "x")),
		imagetest.Tar(t, imagetest.Dir("d", 0o755).With(imagetest.Xattr("trusted.overlay.opaque", "y"))),
	}})
	for _, backend := range []string{"overlay", "copy"} {
		p, _ := newProvisioner(t, provisioner.WithBackend(backend))
		launch(t, p, imagetest.Layout(t, t.TempDir(), "", c), provisioner.MountOptions{}, func(target string) {
			wantFile(t, filepath.Join(target, "d/stays"), "x")
			if got := imagetest.Tree(t, target)["d"].Xattrs["trusted.overlay.opaque"]; got != "y" {
				t.Errorf("%s: the attribute is %q to the container, want y", backend, got)
			}
		})
	}
}

// TestHostileArchive: an archive's own entries are names, never paths.
func TestHostileArchive(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "layout")
	c := imagetest.Simple(t, "x")
	imagetest.Layout(t, link, "", c)
	blob := filepath.Join(link, "blobs/sha256", c.Manifest(t).Layers[0].Digest.Encoded())
	outside := filepath.Join(dir, "outside")
	if err := os.Rename(blob, outside); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, blob); err != nil {
		t.Fatal(err)
	}
	p, root := newProvisioner(t)
	refused(t, p, root, "oci:"+link, "escapes")
}
