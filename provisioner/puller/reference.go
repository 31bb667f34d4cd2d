package puller

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"

	"github.com/mctr/mctr"
)

// A Kind is a kind of image source.
type Kind string

// The kinds; each is the prefix that marks it in a reference.
const (
	Registry      Kind = "docker"
	Layout        Kind = "oci"
	OCIArchive    Kind = "oci-archive"
	DockerArchive Kind = "docker-archive"
	Rootfs        Kind = "rootfs"
)

// A Reference is a parsed image reference.
type Reference struct {
	Kind Kind
	Path string // of a layout, archive or rootfs: absolute and clean
	Tag  string // within a layout or archive; may be empty
	Bare bool   // of a registry: it was written without tag and digest

	named reference.Named // of a registry
}

// Parse parses a reference: REF as docker writes it, docker://REF, oci:DIR[:TAG],
// oci-archive:FILE[:TAG], docker-archive:FILE[:REF] or rootfs:DIR. A DIR or FILE must not contain a
// colon. Relative paths are relative to the working directory.
func Parse(s string) (Reference, error) {
	if len(s) > 8192 || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return Reference{}, fmt.Errorf("%w: image reference %.80q", mctr.ErrInvalid, s)
	}
	prefix, rest, ok := strings.Cut(s, ":")
	switch k := Kind(prefix); {
	case ok && (k == Layout || k == OCIArchive || k == DockerArchive || k == Rootfs) && rest != "" && !isPort(rest):
		return parsePath(k, rest)
	case ok && k == Registry && strings.HasPrefix(rest, "//"):
		return parseNamed(rest[2:])
	}
	return parseNamed(s)
}

// isPort returns true if what follows the prefix is a port, so that the prefix is the name of a
// host: oci:5000/image.
func isPort(rest string) bool {
	port, _, ok := strings.Cut(rest, "/")
	return ok && port != "" && strings.Trim(port, "0123456789") == ""
}

func parsePath(k Kind, rest string) (Reference, error) {
	path, tag := rest, ""
	if k != Rootfs {
		path, tag, _ = strings.Cut(rest, ":")
	}
	if path == "" {
		return Reference{}, fmt.Errorf("%w: image reference %s:%.80s has no path", mctr.ErrInvalid, k, rest)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return Reference{}, fmt.Errorf("image reference %s:%.80s: %w", k, rest, err)
	}
	if k == DockerArchive && tag != "" {
		named, err := parseNamed(tag)
		if err != nil {
			return Reference{}, err
		}
		tag = named.String()
	}
	return Reference{Kind: k, Path: abs, Tag: tag}, nil
}

func parseNamed(s string) (Reference, error) {
	named, err := reference.ParseDockerRef(s)
	if err != nil {
		return Reference{}, fmt.Errorf("%w: image reference %.80q: %w", mctr.ErrInvalid, s, err)
	}
	written, err := reference.ParseNormalizedNamed(s)
	return Reference{Kind: Registry, Bare: err == nil && reference.IsNameOnly(written), named: named}, nil
}

// String returns the normalised form, which is the same for all spellings of a reference.
func (r Reference) String() string {
	switch {
	case r.Kind == Registry:
		return r.named.String()
	case r.Tag == "":
		return string(r.Kind) + ":" + r.Path
	}
	return string(r.Kind) + ":" + r.Path + ":" + r.Tag
}

// Host returns the registry's name in the reference, docker.io by default.
func (r Reference) Host() string { return reference.Domain(r.named) }

// Repository returns the path of the repository in the registry.
func (r Reference) Repository() string { return reference.Path(r.named) }

// Identifier returns the digest of the reference, else its tag, else latest.
func (r Reference) Identifier() string {
	if d := r.Digest(); d != "" {
		return d.String()
	}
	if t, ok := r.named.(reference.Tagged); ok {
		return t.Tag()
	}
	return "latest"
}

// Digest returns the digest that the reference demands, or "".
func (r Reference) Digest() digest.Digest {
	if d, ok := r.named.(reference.Digested); ok {
		return d.Digest()
	}
	return ""
}
