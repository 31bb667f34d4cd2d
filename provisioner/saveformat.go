package provisioner

import (
	"bytes"
	"maps"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

func (s *saving) document(name string, data []byte) error {
	return s.entry(name, int64(len(data)), bytes.NewReader(data))
}

// docker writes the images as docker save does: configs, uncompressed layers, and
// manifest.json, which lists the layers of each image. "repositories" is for readers that
// predate manifest.json.
func (s *saving) docker() error {
	type entry struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	var list []entry
	repositories := map[string]map[string]string{}
	for _, i := range s.images {
		e := entry{Config: i.ID.Encoded() + ".json", RepoTags: i.names, Layers: []string{}}
		if err := s.blob(e.Config, i.Blobs[1]); err != nil {
			return err
		}
		for n, l := range i.Blobs[2:] {
			name := i.DiffIDs[n].Encoded() + "/layer.tar"
			if err := s.plain(name, l, i.DiffIDs[n]); err != nil {
				return err
			}
			e.Layers = append(e.Layers, name)
		}
		list = append(list, e)
		noteTop(repositories, e.RepoTags, i.DiffIDs)
	}
	if err := s.json("manifest.json", list); err != nil || len(repositories) == 0 {
		return err
	}
	return s.json("repositories", repositories)
}

// noteTop records the topmost layer of an image under each of its names.
func noteTop(repositories map[string]map[string]string, names []string, diffIDs []digest.Digest) {
	for _, name := range names {
		at := strings.LastIndexByte(name, ':')
		if at < 0 || len(diffIDs) == 0 {
			continue
		}
		if repositories[name[:at]] == nil {
			repositories[name[:at]] = map[string]string{}
		}
		repositories[name[:at]][name[at+1:]] = diffIDs[len(diffIDs)-1].Encoded()
	}
}

// oci writes the images as an OCI layout, with every blob unchanged. The index has an entry
// for each name, with the annotations of OCI, containerd and docker.
func (s *saving) oci() error {
	index := v1.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageIndex,
		Manifests: []v1.Descriptor{}}
	for _, i := range s.images {
		for _, b := range i.Blobs {
			if err := s.blob("blobs/"+b.Digest.Algorithm().String()+"/"+b.Digest.Encoded(), b); err != nil {
				return err
			}
		}
		index.Manifests = append(index.Manifests, entriesOf(i)...)
	}
	if err := s.document(v1.ImageLayoutFile, []byte(`{"imageLayoutVersion":"1.0.0"}`)); err != nil {
		return err
	}
	return s.json("index.json", index)
}

func entriesOf(i savedImage) (all []v1.Descriptor) {
	d := i.Blobs[0]
	if i.Platform.OS != "" {
		d.Platform = &i.Platform
	}
	own := d.Annotations
	for _, name := range i.names {
		d.Annotations = map[string]string{}
		maps.Copy(d.Annotations, own)
		d.Annotations[v1.AnnotationRefName], d.Annotations["io.containerd.image.name"] = name, name
		all = append(all, d)
	}
	if len(all) > 0 {
		return all
	}
	d.Annotations = maps.Clone(own)
	maps.DeleteFunc(d.Annotations, func(k, _ string) bool {
		return k == v1.AnnotationRefName || k == "io.containerd.image.name"
	})
	return []v1.Descriptor{d}
}
