package imagetest

import (
	"encoding/json"
	"runtime"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// Content is an image or index: its documents and blobs, and the descriptor of the topmost one.
type Content struct {
	Blobs map[digest.Digest][]byte
	Top   v1.Descriptor
}

// A Spec describes an image. Zero fields mean: gzip, OCI media types, the host's platform, no
// config.
type Spec struct {
	Layers   [][]byte // plain tar streams
	Compress string   // "gzip", "zstd" or "none"
	Docker   bool     // Docker's media types
	Platform v1.Platform
	Config   v1.ImageConfig

	Healthcheck any // docker's HEALTHCHECK, which Config cannot hold; nil: none

	EditConfig   func(*v1.Image)    // is called before the config is written
	EditManifest func(*v1.Manifest) // is called before the manifest is written
}

// Simple returns an image of one layer with some files; images with different texts differ.
func Simple(tb testing.TB, text string) Content {
	return Build(tb, Spec{
		Layers: [][]byte{Tar(tb, Dir("etc", 0o755), File("etc/text", text), Dir("bin", 0o755),
			Exec("bin/run", "#!/bin/sh\n"))},
		Config: v1.ImageConfig{Cmd: []string{"/bin/run"}, Env: []string{"TEXT=" + text}},
	})
}

// Build makes an image.
func Build(tb testing.TB, s Spec) Content {
	tb.Helper()
	c := Content{Blobs: map[digest.Digest][]byte{}}
	if s.Platform.OS == "" {
		s.Platform = v1.Platform{OS: "linux", Architecture: runtime.GOARCH}
	}
	created := time.Unix(1_700_000_000, 0).UTC()
	config := v1.Image{Platform: s.Platform, Config: s.Config, Created: &created}
	config.RootFS.Type = "layers"
	types := typesOf(s)
	m := v1.Manifest{MediaType: types.manifest, Layers: []v1.Descriptor{}}
	m.SchemaVersion = 2
	for _, l := range s.Layers {
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, digest.FromBytes(l))
		m.Layers = append(m.Layers, c.Add(types.layer, compress(tb, s.Compress, l)))
	}
	if s.EditConfig != nil {
		s.EditConfig(&config)
	}
	m.Config = c.Add(types.config, withHealthcheck(tb, encode(tb, config), s.Healthcheck))
	if s.EditManifest != nil {
		s.EditManifest(&m)
	}
	c.Top = c.Add(types.manifest, encode(tb, m))
	c.Top.Platform = &s.Platform
	return c
}

func withHealthcheck(tb testing.TB, config []byte, check any) []byte {
	tb.Helper()
	if check == nil {
		return config
	}
	var all map[string]any
	if err := json.Unmarshal(config, &all); err != nil {
		tb.Fatal(err)
	}
	all["config"].(map[string]any)["Healthcheck"] = check
	return encode(tb, all)
}

type mediaTypes struct{ manifest, config, layer string }

func typesOf(s Spec) mediaTypes {
	if s.Docker {
		const docker = "application/vnd.docker."
		return mediaTypes{docker + "distribution.manifest.v2+json", docker + "container.image.v1+json",
			docker + "image.rootfs.diff.tar.gzip"}
	}
	suffix := map[string]string{"": "+gzip", "gzip": "+gzip", "zstd": "+zstd"}[s.Compress]
	return mediaTypes{v1.MediaTypeImageManifest, v1.MediaTypeImageConfig, v1.MediaTypeImageLayer + suffix}
}

func compress(tb testing.TB, how string, data []byte) []byte {
	switch how {
	case "zstd":
		return Zstd(tb, data)
	case "none":
		return data
	}
	return Gzip(tb, data)
}

// Index makes an index of images.
func Index(tb testing.TB, images ...Content) Content {
	tb.Helper()
	c := Content{Blobs: map[digest.Digest][]byte{}}
	index := v1.Index{MediaType: v1.MediaTypeImageIndex, Manifests: []v1.Descriptor{}}
	index.SchemaVersion = 2
	for _, i := range images {
		for d, data := range i.Blobs {
			c.Blobs[d] = data
		}
		index.Manifests = append(index.Manifests, i.Top)
	}
	c.Top = c.Add(v1.MediaTypeImageIndex, encode(tb, index))
	return c
}

// Add adds a blob.
func (c Content) Add(mediaType string, data []byte) v1.Descriptor {
	d := v1.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
	c.Blobs[d.Digest] = data
	return d
}

// Manifest decodes the manifest of an image.
func (c Content) Manifest(tb testing.TB) v1.Manifest {
	tb.Helper()
	var m v1.Manifest
	if err := json.Unmarshal(c.Blobs[c.Top.Digest], &m); err != nil {
		tb.Fatal(err)
	}
	return m
}

func encode(tb testing.TB, v any) []byte {
	tb.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}
