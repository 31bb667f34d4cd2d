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

// A Source delivers the documents and blobs of one reference. It is safe for concurrent use.
type Source interface {
	// Resolve returns the manifest or index that the reference names, with a descriptor of its true
	// digest and size.
	Resolve(ctx context.Context) (v1.Descriptor, []byte, error)
	// Places returns the places to read documents and blobs from, in the order of preference. There
	// is at least one.
	Places() []Place
	// Stamp returns a text that changes whenever a local source changes, without reading the
	// source. It is empty for a source that is not local.
	Stamp() string
	// Close releases files and connections. It may be called twice.
	Close() error
}

// A Place is a server or file that may have content.
type Place struct {
	Name string // for users; empty if the reference names the place
	// Open returns a document or blob from the byte at offset on, unchecked.
	Open func(ctx context.Context, d v1.Descriptor, offset int64) (io.ReadCloser, error)
}

// A Config is the configuration of sources.
type Config struct {
	HostsDirs []string // directories with hosts.toml files; the first match wins
	PlainHTTP []string // hosts, with port if not 80, that may be reached without TLS
	Auth      Auth     // credentials; nil: FileAuth
	Limits    manifest.Limits
	Unpacked  int64  // the largest size, in bytes, that a compressed archive may unpack to
	Temp      string // directory for temporary files

	// Waiting is called before each wait that a server asked for. It may be nil.
	Waiting func(host string, wait time.Duration)
}

// Open returns the source of r. A rootfs: reference has no source and is refused.
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
