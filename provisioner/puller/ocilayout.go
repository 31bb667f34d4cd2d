package puller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/provisioner/manifest"
)

// files is a tree of files that may be a directory or an archive.
type files interface {
	// open returns the content of a regular file from offset on, and the size of the whole file.
	open(name string, offset int64) (io.ReadCloser, int64, error)
	stamp() string
	io.Closer
}

// A layout is an OCI image layout (image-spec, image-layout.md).
type layout struct {
	ref    Reference
	files  files
	limits manifest.Limits
}

// missingPathError adds mctr.ErrNotFound to the error of a path that does not exist.
func missingPathError(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w: %w", mctr.ErrNotFound, err)
	}
	return err
}

// Resolve looks the tag up in index.json.
func (l *layout) Resolve(ctx context.Context) (v1.Descriptor, []byte, error) {
	data, err := l.read("index.json")
	if err != nil {
		return v1.Descriptor{}, nil, err
	}
	if err := l.checkVersion(); err != nil {
		return v1.Descriptor{}, nil, err
	}
	index, err := manifest.ParseIndex(data, l.limits)
	if err != nil {
		return v1.Descriptor{}, nil, err
	}
	d, err := pick(index, l.ref.Tag)
	if err != nil {
		return v1.Descriptor{}, nil, err
	}
	if d.Digest == "" { // several platforms and no tag: the index itself
		d = v1.Descriptor{MediaType: v1.MediaTypeImageIndex, Digest: digest.FromBytes(data), Size: int64(len(data))}
		return d, data, nil
	}
	data, err = l.document(ctx, d)
	return d, data, err
}

// document reads a manifest or index and checks its digest.
func (l *layout) document(ctx context.Context, d v1.Descriptor) ([]byte, error) {
	if err := l.limits.CheckSize("manifest", d.Size); err != nil {
		return nil, err
	}
	f, err := l.open(ctx, d, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, d.Size+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) != d.Size || d.Digest.Algorithm().FromBytes(data) != d.Digest {
		return nil, fmt.Errorf("%w: manifest %s does not match its digest and size", mctr.ErrInvalid, d.Digest)
	}
	return data, nil
}

func (l *layout) checkVersion() error {
	data, err := l.read(v1.ImageLayoutFile)
	if err != nil {
		return err
	}
	var v v1.ImageLayout
	if err := json.Unmarshal(data, &v); err != nil || !strings.HasPrefix(v.Version, "1.") {
		return fmt.Errorf("%w: oci-layout: version %.40q, want 1.x", mctr.ErrInvalid, v.Version)
	}
	return nil
}

// read returns the content of a file, up to the limit on documents.
func (l *layout) read(name string) ([]byte, error) { return readFile(l.files, name, l.limits) }

func readFile(t files, name string, l manifest.Limits) ([]byte, error) {
	f, size, err := t.open(name, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := l.CheckSize(name, size); err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(f, size))
}

// pick returns the entry of a layout's index for tag. Without a tag, it returns the only entry, or
// an empty descriptor if the entries are one image for several platforms.
func pick(index *v1.Index, tag string) (v1.Descriptor, error) {
	var named []string
	for _, d := range index.Manifests {
		name := d.Annotations[v1.AnnotationRefName]
		if tag != "" && (name == tag || tagOf(name) == tag) {
			return d, nil
		}
		if name != "" {
			named = append(named, name)
		}
	}
	switch {
	case tag != "":
		return v1.Descriptor{}, fmt.Errorf("%w: no tag %q, the layout has %.300q", mctr.ErrNotFound, tag, named)
	case len(index.Manifests) == 1:
		return index.Manifests[0], nil
	case len(index.Manifests) == 0:
		return v1.Descriptor{}, fmt.Errorf("%w: the layout is empty", mctr.ErrNotFound)
	case len(named) > 1:
		return v1.Descriptor{}, fmt.Errorf("%w: the layout has several images, choose one of the tags %.300q",
			mctr.ErrInvalid, named)
	}
	return v1.Descriptor{}, nil
}

// tagOf returns the tag of a full reference, which some tools write as the name.
func tagOf(name string) string {
	if i := strings.LastIndexByte(name, ':'); i >= 0 && !strings.Contains(name[i:], "/") {
		return name[i+1:]
	}
	return ""
}

// Places returns one place, the layout.
func (l *layout) Places() []Place { return []Place{{Open: l.open}} }

// open opens a blob of the layout.
func (l *layout) open(_ context.Context, d v1.Descriptor, offset int64) (io.ReadCloser, error) {
	f, size, err := l.files.open(path.Join("blobs", d.Digest.Algorithm().String(), d.Digest.Encoded()), offset)
	if err != nil {
		return nil, err
	}
	if size != d.Size {
		_ = f.Close()
		return nil, fmt.Errorf("%w: blob %s has %d bytes, not the declared %d", mctr.ErrInvalid, d.Digest, size, d.Size)
	}
	return f, nil
}

func (l *layout) Stamp() string { return l.files.stamp() }
func (l *layout) Close() error  { return l.files.Close() }
