package provisioner_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/provisioner"
	"github.com/mctr/mctr/provisioner/imagetest"
)

// A fifo is a stream that is no file.
type fifo struct{ io.Reader }

func load(t *testing.T, p *provisioner.Provisioner, archive string) []string {
	t.Helper()
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	images, err := p.Load(context.Background(), f, archive, provisioner.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, i := range images {
		names = append(names, i.Reference)
	}
	return names
}

// TestLoadNames: what an archive calls its images is what the store calls them.
func TestLoadNames(t *testing.T) {
	dir := t.TempDir()
	file := func(ref string) string { _, f, _ := strings.Cut(ref, ":"); f, _, _ = strings.Cut(f, ":"); return f }
	a, b := imagetest.Simple(t, "a"), imagetest.Simple(t, "b")
	id := string(a.Manifest(t).Config.Digest)
	both := imagetest.Index(t, a, b)
	named := func(c imagetest.Content, annotations ...map[string]string) imagetest.Content {
		var list []v1.Descriptor
		for _, n := range annotations {
			d := c.Top
			d.Annotations = n
			list = append(list, d)
		}
		return imagetest.Content{Blobs: c.Blobs, Top: list[0]}
	}
	for _, l := range []struct {
		name    string
		archive string
		want    []string
	}{
		{"docker", file(imagetest.DockerArchive(t, dir+"/docker.tar", "app:1", a)),
			[]string{"docker.io/library/app:1"}},
		{"oci, whole name", file(imagetest.OCIArchive(t, dir+"/whole.tar", "host.test/app:1", a)),
			[]string{"host.test/app:1"}},
		{"oci, a bare tag", file(imagetest.OCIArchive(t, dir+"/tag.tar", "latest", a)), []string{id}},
		{"oci, no name", file(imagetest.OCIArchive(t, dir+"/none.tar", "", a)), []string{id}},
		{"oci, a digest",
			file(imagetest.OCIArchive(t, dir+"/digest.tar", "host.test/app@sha256:"+strings.Repeat("0", 64), a)),
			[]string{id}},
		{"oci, containerd's",
			file(imagetest.OCIArchive(t, dir+"/containerd.tar", "",
				named(a, map[string]string{"io.containerd.image.name": "host.test/c:2"}))), []string{"host.test/c:2"}},
		{"layout", file(imagetest.Layout(t, dir+"/layout", "host.test/app:1", a)), []string{"host.test/app:1"}},
		{"several platforms", file(imagetest.OCIArchive(t, dir+"/index.tar", "host.test/app:1", both)),
			[]string{"host.test/app:1"}},
	} {
		t.Run(l.name, func(t *testing.T) {
			p, _ := newProvisioner(t)
			if got := load(t, p, l.archive); !slices.Equal(got, l.want) {
				t.Fatalf("loaded %q, want %q", got, l.want)
			}
			launch(t, p, l.want[0], provisioner.MountOptions{}, func(target string) {
				wantFile(t, filepath.Join(target, "etc/text"), "a")
			})
		})
	}
}

// TestSaveAndLoad: several images and names in one archive, from a stream and
// compressed; digests are kept by an oci-archive, files and ids by both.
func TestSaveAndLoad(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	from, _ := newProvisioner(t)
	for name, c := range map[string]imagetest.Content{"one": imagetest.Simple(t, "one"),
		"two": imagetest.Build(t, imagetest.Spec{
			Compress: "zstd",
			Layers:   [][]byte{imagetest.Tar(t, imagetest.Dir("etc", 0o755), imagetest.File("etc/text", "two"))},
		})} {
		ref := imagetest.Layout(t, filepath.Join(dir, name), "", c)
		if _, err := from.Pull(ctx, ref, provisioner.PullOptions{}); err != nil {
			t.Fatal(err)
		}
		for _, tag := range []string{"host.test/" + name, "host.test/" + name + ":more"} {
			if err := from.Tag(ctx, ref, tag); err != nil {
				t.Fatal(err)
			}
		}
	}
	names := []string{"host.test/one:latest", "host.test/one:more", "host.test/two:latest"}
	for _, format := range []provisioner.SaveFormat{provisioner.SaveDocker, provisioner.SaveOCI} {
		var archive bytes.Buffer
		if err := from.Save(ctx, names, &archive, format); err != nil {
			t.Fatal(err)
		}
		for how, stream := range map[string][]byte{"plain": archive.Bytes(), "gzip": imagetest.Gzip(t, archive.Bytes()),
			"zstd": imagetest.Zstd(t, archive.Bytes())} {
			to, _ := newProvisioner(t)
			if _, err := to.Load(ctx, fifo{bytes.NewReader(stream)}, "stdin", provisioner.LoadOptions{}); err != nil {
				t.Fatalf("%s, %s: %v", format, how, err)
			}
			for _, name := range names {
				before, err := from.Inspect(ctx, name)
				if err != nil {
					t.Fatal(err)
				}
				after, err := to.Inspect(ctx, name)
				if err != nil {
					t.Fatalf("%s, %s: %v", format, how, err)
				}
				if before.ID != after.ID || format == provisioner.SaveOCI && before.Digest != after.Digest {
					t.Errorf("%s, %s: %s was %s (%s), is %s (%s)", format, how, name, before.ID, before.Digest,
						after.ID, after.Digest)
				}
				launch(t, to, name, provisioner.MountOptions{}, func(target string) {
					wantFile(t, filepath.Join(target, "etc/text"),
						strings.TrimSuffix(strings.TrimPrefix(strings.Split(name, ":")[0], "host.test/"), ":"))
				})
			}
			if _, err := to.Inspect(ctx, "host.test/two:more"); !errors.Is(err, mctr.ErrNotFound) {
				t.Errorf("%s: a name came along that was not asked for: %v", format, err)
			}
		}
	}
}

// TestSaveRepository: a repository without a tag stands for all that it has, and
// for nothing of another.
func TestSaveRepository(t *testing.T) {
	ctx := context.Background()
	from, _ := newProvisioner(t)
	one := imagetest.Layout(t, filepath.Join(t.TempDir(), "one"), "", imagetest.Simple(t, "one"))
	two := imagetest.Layout(t, filepath.Join(t.TempDir(), "two"), "", imagetest.Simple(t, "two"))
	for name, ref := range map[string]string{
		"host.test/app:1": one, "host.test/app:2": two, "host.test/app:latest": two,
		"host.test/app/part:1": one, "other.test/app:1": one, "app:3": one, "abcdef:1": two,
	} {
		if _, err := from.Pull(ctx, ref, provisioner.PullOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := from.Tag(ctx, ref, name); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		ask, want []string
	}{
		{[]string{"host.test/app"}, []string{"host.test/app:1", "host.test/app:2", "host.test/app:latest"}},
		// without app:latest
		{[]string{"app", "host.test/app:1"}, []string{"docker.io/library/app:3", "host.test/app:1"}},
		{[]string{"abcdef"}, []string{"docker.io/library/abcdef:1"}}, // no id
		{[]string{"host.test/app:2"}, []string{"host.test/app:2"}},
	} {
		for _, format := range []provisioner.SaveFormat{provisioner.SaveDocker, provisioner.SaveOCI} {
			var archive bytes.Buffer
			if err := from.Save(ctx, c.ask, &archive, format); err != nil {
				t.Fatalf("%q: %v", c.ask, err)
			}
			to, _ := newProvisioner(t)
			loaded, err := to.Load(ctx, &archive, "stdin", provisioner.LoadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, img := range loaded {
				got = append(got, img.Reference)
			}
			if slices.Sort(got); !slices.Equal(got, c.want) {
				t.Errorf("%q as %s: loaded %q, want %q", c.ask, format, got, c.want)
			}
		}
	}
	if err := from.Save(ctx, []string{"host.test/none"}, io.Discard, ""); !errors.Is(err, mctr.ErrNotFound) {
		t.Errorf("a repository without images: %v", err)
	}
}

// TestSavedAgain: what was loaded as a docker-archive, whose layers are the same
// files in another form, can be saved, also when the first image has gone.
func TestSavedAgain(t *testing.T) {
	ctx := context.Background()
	p, _ := newProvisioner(t)
	ref := imagetest.Layout(t, t.TempDir(), "", imagetest.Simple(t, "text"))
	if _, err := p.Pull(ctx, ref, provisioner.PullOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := p.Tag(ctx, ref, "host.test/a"); err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	err := p.Save(ctx, []string{"host.test/a"}, &archive, provisioner.SaveDocker)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Load(ctx, &archive, "stdin", provisioner.LoadOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Remove(ctx, ref, false); err != nil {
		t.Fatal(err)
	}
	for _, format := range []provisioner.SaveFormat{provisioner.SaveDocker, provisioner.SaveOCI} {
		if err := p.Save(ctx, []string{"host.test/a"}, io.Discard, format); err != nil {
			t.Errorf("%s: %v", format, err)
		}
	}
}

// TestSaveRefuses: damaged blobs are no archive, and no error is silent.
func TestSaveRefuses(t *testing.T) {
	ctx := context.Background()
	p, root := newProvisioner(t)
	c := imagetest.Simple(t, "text")
	ref := imagetest.Layout(t, t.TempDir(), "", c)
	if _, err := p.Pull(ctx, ref, provisioner.PullOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, r := range []struct {
		ref    string
		format provisioner.SaveFormat
		want   error
	}{{"nosuch", "", mctr.ErrNotFound}, {"rootfs:/etc", "", mctr.ErrInvalid}, {ref, "zip", mctr.ErrInvalid}} {
		if err := p.Save(ctx, []string{r.ref}, io.Discard, r.format); !errors.Is(err, r.want) {
			t.Errorf("%v: %v", r, err)
		}
	}
	blob := filepath.Join(root, "images/blobs/sha256", c.Manifest(t).Layers[0].Digest.Encoded())
	data, err := os.ReadFile(blob)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-10] ^= 1
	if err := os.WriteFile(blob, data, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, format := range []provisioner.SaveFormat{provisioner.SaveDocker, provisioner.SaveOCI} {
		if err := p.Save(ctx, []string{ref}, io.Discard, format); err == nil {
			t.Errorf("%s: a damaged blob was saved", format)
		}
	}
	if err := os.Remove(blob); err != nil {
		t.Fatal(err)
	}
	if err := p.Save(ctx, []string{ref}, io.Discard, ""); !errors.Is(err, mctr.ErrNotFound) {
		t.Errorf("a missing blob: %v", err)
	}
	if _, err := p.Pull(ctx, ref, provisioner.PullOptions{Policy: provisioner.Always}); err != nil {
		t.Fatal(err)
	}
	if err := p.Save(ctx, []string{ref}, io.Discard, ""); err != nil {
		t.Errorf("after another pull: %v", err)
	}
}

// TestHostileLoads runs the hostile images through Load, from a file and a stream.
func TestHostileLoads(t *testing.T) {
	for _, h := range hostileImages {
		for _, from := range []string{"oci-archive", "docker-archive"} {
			if slices.Contains(h.not, from) {
				continue
			}
			t.Run(h.name+"/"+from, func(t *testing.T) {
				t.Parallel()
				_, file, _ := strings.Cut(transports[from](t, h.build(t)), ":")
				file, _, _ = strings.Cut(file, ":")
				data, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				wantRefusedLoad(t, data, h.err)
			})
		}
	}
	for _, h := range hostileLayers {
		if h.err == "" {
			continue
		}
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			c := newCanary(t)
			file := filepath.Join(t.TempDir(), "a.tar")
			imagetest.DockerArchive(t, file, "a:1", imagetest.Build(t, imagetest.Spec{Layers: c.layers(t, h.layers)}))
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			wantRefusedLoad(t, data, h.err)
			c.check(t)
		})
	}
}

func wantRefusedLoad(t *testing.T, archive []byte, text string) {
	t.Helper()
	p, root := newProvisioner(t, provisioner.WithLimits(tight))
	_, err := p.Load(context.Background(), fifo{bytes.NewReader(archive)}, "stdin", provisioner.LoadOptions{})
	if err == nil || !strings.Contains(err.Error(), text) || !strings.Contains(err.Error(), "stdin") {
		t.Fatalf("%v; want an error with %q", err, text)
	}
	if _, err := p.Prune(context.Background(), provisioner.PruneOptions{}); err != nil {
		t.Error(err)
	}
	wantEmptyStore(t, root)
}

// TestHostileArchives lie in the archive itself.
func TestHostileArchives(t *testing.T) {
	manifest := func(text string) []byte { return imagetest.Tar(t, imagetest.File("manifest.json", text)) }
	index := func(text string) []byte {
		return imagetest.Tar(t, imagetest.File("oci-layout", `{"imageLayoutVersion":"1.0.0"}`),
			imagetest.File("index.json", text))
	}
	d := digest.FromString("x").String()
	for name, h := range map[string]struct {
		archive []byte
		err     string
	}{
		"nothing":  {nil, "neither"},
		"no image": {imagetest.Tar(t, imagetest.File("x", "y")), "neither"},
		"no tar":   {bytes.Repeat([]byte("x"), 4096), "read archive"},
		"cut off": {imagetest.Tar(t, imagetest.File("manifest.json", strings.Repeat("[", 2000)))[:1500],
			"read archive"},
		"empty list":   {manifest(`[]`), "no image in it"},
		"no JSON":      {manifest(`[{`), "parse manifest.json"},
		"another name": {manifest(`[{"Config":"c","RepoTags":["../../etc/passwd"],"Layers":[]}]`), "reference"},
		"outside":      {manifest(`[{"Config":"../../../../etc/passwd","Layers":[]}]`), "the archive has no"},
		"null":         {manifest(`null`), "no image in it"},
		"empty index":  {index(`{"schemaVersion":2,"manifests":[]}`), "no image in it"},
		"index to nothing": {index(
			`{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"` + d +
				`","size":1}]}`), "the archive has no"},
		"a name that is none": {index(`{"schemaVersion":2,"manifests":[{"digest":"` + d +
			`","size":1,"annotations":{"io.containerd.image.name":"A B/C"}}]}`), "reference"},
		"links round and back": {imagetest.Tar(t, imagetest.Symlink("manifest.json", "a"),
			imagetest.Symlink("a", "manifest.json")), "long chain of links"},
		"a link outside": {imagetest.Tar(t, imagetest.Symlink("manifest.json", "/etc/passwd")), "neither"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, stream := range [][]byte{h.archive, imagetest.Gzip(t, h.archive)} {
				wantRefusedLoad(t, stream, h.err)
			}
		})
	}
}

// TestLastName: an image that came without a name and was given one goes with it.
func TestLastName(t *testing.T) {
	ctx := context.Background()
	p, root := newProvisioner(t)
	file := filepath.Join(t.TempDir(), "a.tar")
	imagetest.OCIArchive(t, file, "", imagetest.Simple(t, "a"))
	id := load(t, p, file)[0]
	for _, name := range []string{"one", "two"} {
		if err := p.Tag(ctx, id, name); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := p.Remove(ctx, "one", false); err != nil || len(r.Layers) > 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err := p.Remove(ctx, "two", false); err != nil || len(r.Layers) == 0 {
		t.Errorf("%+v, %v", r, err)
	}
	wantEmptyStore(t, root)
}

// TestTag: names move, what cannot be one is refused, and taking one of several
// off an image leaves the others.
func TestTag(t *testing.T) {
	ctx := context.Background()
	p, root := newProvisioner(t)
	dir := t.TempDir()
	a, b := imagetest.Layout(t, dir+"/a", "", imagetest.Simple(t, "a")),
		imagetest.Layout(t, dir+"/b", "", imagetest.Simple(t, "b"))
	var images []*provisioner.Image
	for _, ref := range []string{a, b} {
		img, err := p.Pull(ctx, ref, provisioner.PullOptions{})
		if err != nil {
			t.Fatal(err)
		}
		images = append(images, img)
	}
	for _, tag := range [][2]string{{a, "name:1"}, {images[0].ID.Encoded()[:12], "name:2"}, {b, "name:2"},
		{"name:1", "other.test/name"}} {
		if err := p.Tag(ctx, tag[0], tag[1]); err != nil {
			t.Errorf("%q: %v", tag, err)
		}
	}
	for name, want := range map[string]*provisioner.Image{"name:1": images[0], "docker.io/library/name:2": images[1],
		"other.test/name": images[0]} {
		if got, err := p.Lease(ctx, "holder", name, provisioner.PullOptions{}); err != nil || got.ID != want.ID {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	for _, bad := range []struct {
		source, target string
		want           error
	}{{"nosuch", "x", mctr.ErrNotFound}, {a, "oci:/x", mctr.ErrInvalid},
		{a, "x@sha256:" + strings.Repeat("0", 64), mctr.ErrInvalid}, {a, "UPPER", mctr.ErrInvalid},
		{"rootfs:/etc", "x", mctr.ErrInvalid}} {
		if err := p.Tag(ctx, bad.source, bad.target); !errors.Is(err, bad.want) {
			t.Errorf("tag %s %s: %v", bad.source, bad.target, err)
		}
	}
	if _, err := p.Remove(ctx, images[0].ID.Encoded()[:12], false); !errors.Is(err, mctr.ErrState) {
		t.Errorf("an image of several repositories went by its id: %v", err)
	}
	if r, err := p.Remove(ctx, a, false); err != nil || len(r.Layers) > 0 {
		t.Errorf("one of three names took the image along: %v, %v", r, err)
	}
	launch(t, p, "name:1", provisioner.MountOptions{}, func(target string) {
		wantFile(t, filepath.Join(target, "etc/text"), "a")
	})
	for _, id := range []string{images[0].ID.Encoded(), images[1].ID.Encoded()} {
		if _, err := p.Remove(ctx, id, true); err != nil {
			t.Error(err)
		}
	}
	wantEmptyStore(t, root)
}
