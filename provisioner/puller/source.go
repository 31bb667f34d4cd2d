package puller

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/provisioner/manifest"
)

// A Source brings the documents and blobs of one reference. It is safe for
// concurrent use.
type Source interface {
	// Resolve returns the document that the reference leads to: a manifest or an
	// index, with a descriptor of its true digest and size.
	Resolve(ctx context.Context) (v1.Descriptor, []byte, error)
	// Places are where documents and blobs may be brought from, best first; there
	// is at least one.
	Places() []Place
	// Stamp tells states of a local source apart without reading it; it is
	// empty for what is not local.
	Stamp() string
	// Close frees what the source holds. Idempotent.
	Close() error
}

// A Place has content, or says so.
type Place struct {
	Name string // for people; empty if the reference says it
	// Open brings a document or blob from the byte at offset on. What it brings
	// is not checked.
	Open func(ctx context.Context, d v1.Descriptor, offset int64) (io.ReadCloser, error)
}

// A Config is what sources need to know.
type Config struct {
	HostsDirs []string // directories of hosts.toml, first wins
	PlainHTTP []string // hosts, with port if not 80, that may be spoken to without TLS
	Auth      Auth     // credentials; nil reads docker's and podman's files
	Limits    manifest.Limits
	Unpacked  int64  // bytes that a compressed archive may unpack to
	Temp      string // directory for temporary files

	// Waiting is told when a server asked to be left alone for a while; nil: it is not told.
	Waiting func(host string, wait time.Duration)
}

// Open returns the source of r, which is no rootfs:.
func Open(r Reference, c Config) (Source, error) {
	c.Limits = c.Limits.Filled()
	switch r.Kind {
	case Registry:
		return newRegistry(r, c)
	case Layout:
		root, err := os.OpenRoot(r.Path)
		if err != nil {
			return nil, missingPathError(err)
		}
		return &layout{ref: r, files: directory{root}, limits: c.Limits}, nil
	case OCIArchive, DockerArchive:
		a, err := openArchive(r, c)
		if err != nil {
			return nil, err
		}
		if r.Kind == OCIArchive {
			return &layout{ref: r, files: a, limits: c.Limits}, nil
		}
		return &dockerArchive{ref: r, files: a, limits: c.Limits, names: map[digest.Digest]string{}}, nil
	}
	return nil, fmt.Errorf("%w: image reference %s", mctr.ErrInvalid, r)
}
