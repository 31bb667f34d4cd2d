package provisioner

import (
	"archive/tar"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/ctxio"
	"github.com/mctr/mctr/provisioner/layer"
	"github.com/mctr/mctr/provisioner/puller"
)

// A SaveFormat is the format of an archive of images.
type SaveFormat string

// The formats, as podman names them. The zero value is SaveDocker.
const (
	SaveDocker SaveFormat = "docker-archive" // the format of docker save, with uncompressed layers
	SaveOCI    SaveFormat = "oci-archive"    // a tar of an OCI layout: the images as pulled, with their digests
)

// Save writes images of the store, named by reference or by the start of an id, to one
// archive that Load, docker, podman and skopeo read. A repository without tag and digest
// stands for all of its images. Names of one image are kept together. Every blob is verified
// against its digest as it is read. The store is locked until the blobs are open, not while
// they are read. After an error, what was written is not a valid archive.
func (p *Provisioner) Save(ctx context.Context, refs []string, w io.Writer, f SaveFormat) (err error) {
	write := map[SaveFormat]func(*saving) error{
		"": (*saving).docker, SaveDocker: (*saving).docker, SaveOCI: (*saving).oci}[f]
	if write == nil {
		return fmt.Errorf("%w: archive format %q: want %s or %s", mctr.ErrInvalid, f, SaveDocker, SaveOCI)
	}
	s := &saving{ctx: ctx, tar: tar.NewWriter(w), open: map[digest.Digest]*os.File{}, written: map[string]bool{}}
	defer s.close()
	if err := p.collect(ctx, s, refs); err != nil {
		return err
	}
	if err := write(s); err != nil {
		return err
	}
	return s.tar.Close()
}

// A saving is one archive that is being written.
type saving struct {
	ctx     context.Context
	tar     *tar.Writer
	images  []savedImage
	open    map[digest.Digest]*os.File // every blob, so that it stays readable if it is removed
	written map[string]bool            // names that the archive has
}

// A savedImage is one image with all the names by which the caller asked for it.
type savedImage struct {
	*Image
	names []string
}

func (s *saving) close() {
	for _, f := range s.open {
		_ = f.Close()
	}
}

// collect finds the images and opens all their blobs.
func (p *Provisioner) collect(ctx context.Context, s *saving, refs []string) (err error) {
	lock, err := p.store.Shared(ctx)
	if err != nil {
		return fmt.Errorf("lock image store: %w", err)
	}
	defer lock.Unlock()
	for _, ref := range refs {
		images, err := p.imagesFor(ref)
		if err != nil {
			return err
		}
		for _, i := range images {
			if err := p.collectOne(s, i); err != nil {
				return err
			}
		}
	}
	return nil
}

// A found is an image of the store with the reference that led to it.
type found struct {
	puller.Reference
	*Image
}

// imagesFor returns the images that ref stands for.
func (p *Provisioner) imagesFor(ref string) ([]found, error) {
	r, img, err := p.local(ref)
	if r.Kind == puller.Rootfs {
		return nil, fmt.Errorf("%w: image %s is a directory, which no archive of images holds", mctr.ErrInvalid, ref)
	}
	if r.Bare {
		if all, err := p.repository(r); err != nil || len(all) > 0 {
			return all, err
		}
	}
	return []found{{r, img}}, err
}

// repository returns the images of a repository, sorted by reference.
func (p *Provisioner) repository(of puller.Reference) ([]found, error) {
	images, err := p.store.Images()
	var all []found
	for _, img := range images {
		r, err := puller.Parse(img.Reference)
		if err == nil && r.Kind == puller.Registry && r.Host() == of.Host() && r.Repository() == of.Repository() &&
			!IsUnnamed(img) {
			all = append(all, found{r, img})
		}
	}
	slices.SortFunc(all, func(a, b found) int { return strings.Compare(a.Image.Reference, b.Image.Reference) })
	return all, err
}

func (p *Provisioner) collectOne(s *saving, f found) error {
	s.add(f.Reference, f.Image)
	for _, b := range f.Blobs {
		if err := p.openBlob(s, f.Image, b); err != nil {
			return err
		}
	}
	return nil
}

// add notes an image. It gets a name in the archive if the caller asked for it by a name
// that has a meaning on other hosts.
func (s *saving) add(r puller.Reference, img *Image) {
	i := slices.IndexFunc(s.images, func(have savedImage) bool { return have.Digest == img.Digest })
	if i < 0 {
		s.images = append(s.images, savedImage{Image: img})
		i = len(s.images) - 1
	}
	named := r.Kind == puller.Registry && r.String() == img.Reference && r.Digest() == "" && !IsUnnamed(img)
	if named && !slices.Contains(s.images[i].names, img.Reference) {
		s.images[i].names = append(s.images[i].names, img.Reference)
	}
}

func (p *Provisioner) openBlob(s *saving, img *Image, d v1.Descriptor) error {
	if s.open[d.Digest] != nil {
		return nil
	}
	f, err := p.store.OpenBlob(d.Digest)
	if err != nil {
		return fmt.Errorf("image %s: %w (pull or load it again: that brings what is missing)", img.Reference, err)
	}
	s.open[d.Digest] = f
	return nil
}

// entry writes one file, unless the archive has it. It reads content, of size bytes, to its end.
func (s *saving) entry(name string, size int64, content io.Reader) error {
	if s.written[name] {
		return nil
	}
	s.written[name] = true
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, ModTime: time.Unix(0, 0)}
	if err := s.tar.WriteHeader(h); err != nil {
		return err
	}
	if _, err := io.Copy(s.tar, ctxio.Reader(s.ctx, content)); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

func (s *saving) json(name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return s.document(name, data)
}

// blob writes a blob unchanged, and verifies its digest.
func (s *saving) blob(name string, d v1.Descriptor) error {
	f := s.open[d.Digest]
	h := d.Digest.Algorithm().Hash()
	once := !s.written[name]
	if err := s.entry(name, d.Size, io.TeeReader(io.NewSectionReader(f, 0, d.Size), h)); err != nil || !once {
		return err
	}
	if got := digest.NewDigest(d.Digest.Algorithm(), h); got != d.Digest {
		return damaged(d.Digest, got)
	}
	return nil
}

func damaged(want, got digest.Digest) error {
	return fmt.Errorf("%w: blob %s on disk is %s (remove the image and pull it again)", mctr.ErrInvalid, want, got)
}

// plain writes a layer without its compression, and verifies its diffID. It reads the blob
// twice, because a tar has the size of an entry before its content.
func (s *saving) plain(name string, d v1.Descriptor, diffID digest.Digest) error {
	if s.written[name] {
		return nil
	}
	h := diffID.Algorithm().Hash()
	size, err := s.inflated(d, func(r io.Reader) (int64, error) { return io.Copy(h, ctxio.Reader(s.ctx, r)) })
	if err != nil {
		return fmt.Errorf("layer %s: %w", d.Digest, err)
	}
	if got := digest.NewDigest(diffID.Algorithm(), h); got != diffID {
		return damaged(diffID, got)
	}
	_, err = s.inflated(d, func(r io.Reader) (int64, error) {
		return size, s.entry(name, size, io.LimitReader(r, size))
	})
	return err
}

func (s *saving) inflated(d v1.Descriptor, read func(io.Reader) (int64, error)) (int64, error) {
	r, err := layer.Decompress(io.NewSectionReader(s.open[d.Digest], 0, d.Size))
	if err != nil {
		return 0, err
	}
	defer r.Close()
	return read(r)
}
