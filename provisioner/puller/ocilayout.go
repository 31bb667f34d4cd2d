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
	// open returns a regular file from offset on, and its whole size.
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

// missingPathError says of a path's error that what it names is not there, where that is so.
func missingPathError(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w: %w", mctr.ErrNotFound, err)
	}
	return err
}

// Resolve finds the tag in index.json.
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
	if d.Digest == "" { // several platforms, no tag: the index itself
		d = v1.Descriptor{MediaType: v1.MediaTypeImageIndex, Digest: digest.FromBytes(data), Size: int64(len(data))}
		return d, data, nil
	}
	data, err = l.document(ctx, d)
	return d, data, err
}

// document reads a small document and checks it.
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
		return nil, fmt.Errorf("%w: manifest %s is not what its digest and size say", mctr.ErrInvalid, d.Digest)
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

// read returns a file of the layout within the limit on documents.
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

// pick finds the entry of a layout's index for tag. Without a tag it is the
// only entry, or none at all where they are to be told apart by platform.
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

// tagOf returns the tag of a whole reference, which some tools write as name.
func tagOf(name string) string {
	if i := strings.LastIndexByte(name, ':'); i >= 0 && !strings.Contains(name[i:], "/") {
		return name[i+1:]
	}
	return ""
}

// Places is the layout itself.
func (l *layout) Places() []Place { return []Place{{Open: l.open}} }

// open opens a blob of the layout.
func (l *layout) open(_ context.Context, d v1.Descriptor, offset int64) (io.ReadCloser, error) {
	f, size, err := l.files.open(path.Join("blobs", d.Digest.Algorithm().String(), d.Digest.Encoded()), offset)
	if err != nil {
		return nil, err
	}
	if size != d.Size {
		_ = f.Close()
		return nil, fmt.Errorf("%w: blob %s has %d bytes, %d were declared", mctr.ErrInvalid, d.Digest, size, d.Size)
	}
	return f, nil
}

func (l *layout) Stamp() string { return l.files.stamp() }
func (l *layout) Close() error  { return l.files.Close() }
