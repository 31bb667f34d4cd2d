package puller

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/provisioner/layer"
	"github.com/mctr/mctr/provisioner/manifest"
)

// saved is one image in the manifest.json of `docker save`.
type saved struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// A dockerArchive is an archive of `docker save`. It has no manifest as registries have them;
// Resolve composes one from the diffIDs in the image config.
type dockerArchive struct {
	ref    Reference
	files  files
	limits manifest.Limits
	names  map[digest.Digest]string // set by Resolve
	chosen *saved                   // the image; nil: the reference chooses it
}

// savedImages returns the images that manifest.json lists.
func savedImages(t files, l manifest.Limits) (all []saved, err error) {
	data, err := readFile(t, "manifest.json", l)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, fmt.Errorf("%w: parse manifest.json: %w", mctr.ErrInvalid, err)
	}
	return all, nil
}

// Resolve finds the image and composes a manifest for it. It must be called once, before a blob is
// opened.
func (a *dockerArchive) Resolve(context.Context) (v1.Descriptor, []byte, error) {
	image, err := a.image()
	if err != nil {
		return v1.Descriptor{}, nil, err
	}
	m, err := a.manifest(image)
	if err != nil {
		return v1.Descriptor{}, nil, err
	}
	data, err := json.Marshal(m)
	return v1.Descriptor{MediaType: m.MediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}, data, err
}

// image returns the image that the reference names, or the only image.
func (a *dockerArchive) image() (saved, error) {
	if a.chosen != nil {
		return *a.chosen, nil
	}
	all, err := savedImages(a.files, a.limits)
	if err != nil {
		return saved{}, err
	}
	var tags []string
	for _, s := range all {
		tags = append(tags, s.RepoTags...)
		if a.ref.Tag != "" && slices.ContainsFunc(s.RepoTags, a.isNamed) {
			return s, nil
		}
	}
	switch {
	case a.ref.Tag != "":
		return saved{}, fmt.Errorf("%w: the archive has %.300q", mctr.ErrNotFound, tags)
	case len(all) != 1:
		return saved{}, fmt.Errorf("%w: the archive has %d images, choose one of %.300q", mctr.ErrInvalid, len(all),
			tags)
	}
	return all[0], nil
}

// isNamed returns true if a tag in the archive is that of the reference.
func (a *dockerArchive) isNamed(tag string) bool {
	r, err := parseNamed(tag)
	return err == nil && r.String() == a.ref.Tag
}

func (a *dockerArchive) manifest(s saved) (v1.Manifest, error) {
	m := v1.Manifest{MediaType: v1.MediaTypeImageManifest}
	m.SchemaVersion = 2
	data, err := readFile(a.files, s.Config, a.limits)
	if err != nil {
		return m, err
	}
	if len(s.Layers) > a.limits.Layers {
		return m, fmt.Errorf("%w: image of %d layers: more than the %d allowed", mctr.ErrInvalid, len(s.Layers),
			a.limits.Layers)
	}
	config, err := manifest.ParseConfig(data, len(s.Layers), a.limits)
	if err != nil {
		return m, err
	}
	m.Config = v1.Descriptor{MediaType: v1.MediaTypeImageConfig, Digest: digest.FromBytes(data), Size: int64(len(data))}
	a.names[m.Config.Digest] = s.Config
	m.Layers = []v1.Descriptor{}
	for i, name := range s.Layers {
		d, err := a.describe(name, config.RootFS.DiffIDs[i])
		if err != nil {
			return m, err
		}
		a.names[d.Digest] = name
		m.Layers = append(m.Layers, d)
	}
	return m, nil
}

// describe returns the descriptor of a layer. The digest of a plain tar is its diffID, which the
// store checks; the digest of a compressed layer is computed.
func (a *dockerArchive) describe(name string, diffID digest.Digest) (v1.Descriptor, error) {
	f, size, err := a.files.open(name, 0)
	if err != nil {
		return v1.Descriptor{}, err
	}
	defer f.Close()
	head := make([]byte, 4)
	n, _ := io.ReadFull(f, head)
	if !layer.IsCompressed(head[:n]) {
		return v1.Descriptor{MediaType: v1.MediaTypeImageLayer, Digest: diffID, Size: size}, nil
	}
	whole, _, err := a.files.open(name, 0)
	if err != nil {
		return v1.Descriptor{}, err
	}
	defer whole.Close()
	sum, err := digest.FromReader(whole)
	return v1.Descriptor{MediaType: v1.MediaTypeImageLayerGzip, Digest: sum, Size: size}, err
}

// Places returns one place, the archive.
func (a *dockerArchive) Places() []Place { return []Place{{Open: a.open}} }

// open opens the config or a layer.
func (a *dockerArchive) open(_ context.Context, d v1.Descriptor, offset int64) (io.ReadCloser, error) {
	name, ok := a.names[d.Digest]
	if !ok {
		return nil, fmt.Errorf("%w: the archive has no blob %s", mctr.ErrNotFound, d.Digest)
	}
	f, _, err := a.files.open(name, offset)
	return f, err
}

func (a *dockerArchive) Stamp() string { return a.files.stamp() }
func (a *dockerArchive) Close() error  { return a.files.Close() }
