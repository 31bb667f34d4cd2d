package imagetest

import (
	"archive/tar"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// Layout writes c as an OCI image layout and returns its reference. Tag may be empty.
func Layout(tb testing.TB, dir, tag string, c Content) string {
	tb.Helper()
	for name, data := range layoutFiles(tb, tag, c) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	return reference("oci:"+dir, tag)
}

// OCIArchive writes c as a tar of a layout and returns its reference.
func OCIArchive(tb testing.TB, file, tag string, c Content) string {
	tb.Helper()
	writeTar(tb, file, layoutFiles(tb, tag, c))
	return reference("oci-archive:"+file, tag)
}

// DockerArchive writes c, one image, as `docker save` does and returns its reference. Layers built
// without compression are written uncompressed.
func DockerArchive(tb testing.TB, file, repoTag string, c Content) string {
	tb.Helper()
	m := c.Manifest(tb)
	entry := map[string]any{"Config": m.Config.Digest.Encoded() + ".json", "RepoTags": []string{repoTag}}
	files := map[string][]byte{m.Config.Digest.Encoded() + ".json": c.Blobs[m.Config.Digest]}
	layers := []string{}
	for i, l := range m.Layers {
		name := fmt.Sprintf("%d/layer.tar", i)
		files[name] = c.Blobs[l.Digest]
		layers = append(layers, name)
	}
	entry["Layers"] = layers
	files["manifest.json"] = encode(tb, []any{entry})
	writeTar(tb, file, files)
	return reference("docker-archive:"+file, repoTag)
}

func reference(path, tag string) string {
	if tag == "" {
		return path
	}
	return path + ":" + tag
}

func layoutFiles(tb testing.TB, tag string, c Content) map[string][]byte {
	tb.Helper()
	top := c.Top
	if tag != "" {
		top.Annotations = map[string]string{v1.AnnotationRefName: tag}
	}
	index := v1.Index{MediaType: v1.MediaTypeImageIndex, Manifests: []v1.Descriptor{top}}
	index.SchemaVersion = 2
	data, err := json.Marshal(index)
	if err != nil {
		tb.Fatal(err)
	}
	files := map[string][]byte{"index.json": data, "oci-layout": []byte(`{"imageLayoutVersion":"1.0.0"}`)}
	for d, data := range c.Blobs {
		files["blobs/"+d.Algorithm().String()+"/"+d.Encoded()] = data
	}
	return files
}

func writeTar(tb testing.TB, file string, files map[string][]byte) {
	tb.Helper()
	f, err := os.Create(file)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	w := tar.NewWriter(f)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name]))}); err != nil {
			tb.Fatal(err)
		}
		if _, err := w.Write(files[name]); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
}
