package manifest

import (
	"cmp"
	_ "crypto/sha256" // the digests that are understood
	_ "crypto/sha512"
	"encoding/json"
	"fmt"
	"slices"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/mctr/mctr"
)

// Media types of Docker schema 2, in addition to those of OCI.
const (
	DockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	DockerIndex    = "application/vnd.docker.distribution.manifest.list.v2+json"
	DockerConfig   = "application/vnd.docker.container.image.v1+json"
	dockerSchema1  = "application/vnd.docker.distribution.manifest.v1+json"
	dockerSigned1  = "application/vnd.docker.distribution.manifest.v1+prettyjws"
)

// Accept returns the media types to request from a registry.
func Accept() []string {
	return []string{v1.MediaTypeImageIndex, DockerIndex, v1.MediaTypeImageManifest, DockerManifest}
}

// Limits limits what is read of an image. A zero field means the default.
type Limits struct {
	Document int64 // bytes of a manifest, index or config; default 4 MiB
	Layers   int   // default 498, the most that overlayfs can stack beneath a container
	Nesting  int   // indexes within indexes; default 3
}

// Filled returns the limits with defaults in place of zeros.
func (l Limits) Filled() Limits {
	l.Document = cmp.Or(l.Document, 4<<20)
	l.Layers = cmp.Or(l.Layers, 498)
	l.Nesting = cmp.Or(l.Nesting, 3)
	return l
}

// CheckSize returns mctr.ErrInvalid if the declared size of a document exceeds the limit; callers
// check before they read the document.
func (l Limits) CheckSize(what string, size int64) error {
	if size < 0 || size > l.Filled().Document {
		return fmt.Errorf("%w: %s of %d bytes: more than the %d allowed", mctr.ErrInvalid, what, size,
			l.Filled().Document)
	}
	return nil
}

// either has the fields that distinguish a manifest from an index.
type either struct {
	SchemaVersion int             `json:"schemaVersion"`
	MediaType     string          `json:"mediaType"`
	Config        json.RawMessage `json:"config"`
	Layers        json.RawMessage `json:"layers"`
	Manifests     json.RawMessage `json:"manifests"`
	FSLayers      json.RawMessage `json:"fsLayers"`
}

// IsIndex returns true for an index and false for a manifest. The declared media type may be empty.
// A document with the fields of both is refused (CVE-2021-41190).
func IsIndex(mediaType string, data []byte) (bool, error) {
	var e either
	if err := json.Unmarshal(data, &e); err != nil {
		return false, fmt.Errorf("%w: parse manifest: %w", mctr.ErrInvalid, err)
	}
	if e.MediaType == dockerSchema1 || e.MediaType == dockerSigned1 || e.FSLayers != nil || e.SchemaVersion == 1 {
		return false, fmt.Errorf("%w: manifest is of Docker schema 1, which carries no checkable config (push the "+
			"image again with a current tool)", mctr.ErrUnsupported)
	}
	index, one := e.Manifests != nil, e.Layers != nil || e.Config != nil
	if index == one {
		return false, fmt.Errorf("%w: manifest is neither an image nor an index, or claims to be both", mctr.ErrInvalid)
	}
	for _, m := range []string{mediaType, e.MediaType} {
		if index && isManifestType(m) || one && isIndexType(m) {
			return false, fmt.Errorf("%w: manifest is declared as %s but is not", mctr.ErrInvalid, m)
		}
	}
	return index, nil
}

func isManifestType(m string) bool { return m == v1.MediaTypeImageManifest || m == DockerManifest }
func isIndexType(m string) bool    { return m == v1.MediaTypeImageIndex || m == DockerIndex }

// ParseIndex parses an index.
func ParseIndex(data []byte, l Limits) (*v1.Index, error) {
	if err := l.CheckSize("index", int64(len(data))); err != nil {
		return nil, err
	}
	var index v1.Index
	if err := json.Unmarshal(data, &index); err != nil {
		return nil, fmt.Errorf("%w: parse index: %w", mctr.ErrInvalid, err)
	}
	for _, d := range index.Manifests {
		if err := checkDescriptor(d); err != nil {
			return nil, fmt.Errorf("index: %w", err)
		}
	}
	return &index, nil
}

// Parse parses the manifest of one image.
func Parse(data []byte, l Limits) (*v1.Manifest, error) {
	l = l.Filled()
	if err := l.CheckSize("manifest", int64(len(data))); err != nil {
		return nil, err
	}
	var m v1.Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("%w: parse manifest: %w", mctr.ErrInvalid, err)
	}
	if !slices.Contains([]string{v1.MediaTypeImageConfig, DockerConfig}, m.Config.MediaType) {
		return nil, fmt.Errorf("%w: manifest is not of a container image: its config is a %.100q", mctr.ErrInvalid,
			m.Config.MediaType)
	}
	if len(m.Layers) > l.Layers {
		return nil, fmt.Errorf("%w: image of %d layers: more than the %d allowed", mctr.ErrInvalid, len(m.Layers),
			l.Layers)
	}
	if err := l.CheckSize("image config", m.Config.Size); err != nil {
		return nil, err
	}
	for _, d := range append([]v1.Descriptor{m.Config}, m.Layers...) {
		if err := checkDescriptor(d); err != nil {
			return nil, fmt.Errorf("manifest: %w", err)
		}
	}
	return &m, nil
}

func checkDescriptor(d v1.Descriptor) error {
	if err := d.Digest.Validate(); err != nil {
		return fmt.Errorf("%w: digest %.100q: %w", mctr.ErrInvalid, string(d.Digest), err)
	}
	if d.Size < 0 {
		return fmt.Errorf("%w: %s: size %d", mctr.ErrInvalid, d.Digest, d.Size)
	}
	return nil
}
