package puller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/provisioner/layer"
	"github.com/mctr/mctr/provisioner/manifest"
)

// annotationImageName is the annotation in which containerd and docker write the full name of an
// image in a layout. The annotation of the OCI may hold only a tag.
const annotationImageName = "io.containerd.image.name"

// Members are the images of one archive or layout.
type Members struct {
	Images []Member
	files  files
}

// A Member is one image of an archive or layout.
type Member struct {
	Names  []string // normalised references; empty if the archive names none
	Source Source   // closed with the Members
}

// Close closes the archive or layout, from which the sources read.
func (m *Members) Close() error { return m.files.Close() }

// OpenMembers opens the output of `docker save`, an OCI layout, or a tar of a layout, compressed or
// not. From is a file, a directory or any stream, which is read to its end. The references of the
// images' sources have name as their path.
func OpenMembers(from io.Reader, name string, c Config) (*Members, error) {
	c.Limits = c.Limits.Filled()
	t, err := openFiles(from, c)
	if err != nil {
		return nil, err
	}
	m := &Members{files: t}
	if m.Images, err = members(t, name, c.Limits); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return m, nil
}

func openFiles(from io.Reader, c Config) (files, error) {
	f, ok := from.(*os.File)
	if !ok {
		return spillStream(from, c)
	}
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		root, err := os.OpenRoot(f.Name())
		return directory{root}, err
	case !info.Mode().IsRegular():
		return spillStream(from, c)
	}
	// a descriptor of its own, which the archive closes and reads from the start
	again, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", f.Fd()))
	if err != nil {
		return nil, err
	}
	a, err := newArchive(again, c)
	if err != nil {
		return nil, errors.Join(err, again.Close())
	}
	return a, nil
}

// spillStream opens an archive that comes as a stream: it keeps the decompressed archive in an
// unnamed file.
func spillStream(r io.Reader, c Config) (files, error) {
	plain, err := layer.Decompress(r)
	if err != nil {
		return nil, err
	}
	defer plain.Close()
	f, err := spill(plain, c)
	if err != nil {
		return nil, fmt.Errorf("keep the archive while it is read: %w", err)
	}
	a, err := newArchive(f, c)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return a, nil
}

// members lists the images. A layout says more than a manifest.json beside it and is preferred,
// unless only manifest.json has names.
func members(t files, name string, l manifest.Limits) ([]Member, error) {
	layouts, err := layoutMembers(t, name, l)
	isLayout := !errors.Is(err, mctr.ErrNotFound)
	if isLayout && (err != nil || named(layouts)) {
		return layouts, err
	}
	saved, err := dockerMembers(t, name, l)
	switch {
	case isLayout && (err != nil || !named(saved)):
		return layouts, nil
	case errors.Is(err, mctr.ErrNotFound):
		return nil, fmt.Errorf("%w: neither an archive of docker save (manifest.json) nor an OCI layout (index.json)",
			mctr.ErrInvalid)
	}
	return saved, err
}

func named(all []Member) bool {
	return slices.ContainsFunc(all, func(m Member) bool { return len(m.Names) > 0 })
}

func layoutMembers(t files, name string, l manifest.Limits) ([]Member, error) {
	y := &layout{ref: Reference{Kind: OCIArchive, Path: name}, files: t, limits: l}
	data, err := y.read("index.json")
	if err == nil {
		err = y.checkVersion()
	}
	if err != nil {
		return nil, err
	}
	index, err := manifest.ParseIndex(data, l)
	if err != nil {
		return nil, err
	}
	var all []Member
	for _, g := range grouped(index.Manifests) {
		s := &layoutMember{layout: y, top: g.entries[0]}
		if len(g.entries) > 1 { // one image for several platforms
			if s.index, err = json.Marshal(
				v1.Index{Versioned: index.Versioned, MediaType: v1.MediaTypeImageIndex,
					Manifests: g.entries}); err != nil {
				return nil, err
			}
		}
		names, err := referencesOf(g.name)
		if err != nil {
			return nil, err
		}
		all = append(all, Member{Names: names, Source: s})
	}
	return all, nil
}

// A group holds the entries of a layout's index that have the same name.
type group struct {
	name    string
	entries []v1.Descriptor
}

// grouped groups entries by name and keeps their order. Entries without a name form one image if
// each of them names its platform.
func grouped(entries []v1.Descriptor) (all []group) {
	apart := slices.ContainsFunc(entries, func(d v1.Descriptor) bool { return d.Platform == nil && wholeName(d) == "" })
	for _, d := range entries {
		name := wholeName(d)
		i := slices.IndexFunc(all, func(g group) bool { return g.name == name })
		if i < 0 || name == "" && apart {
			all = append(all, group{name: name})
			i = len(all) - 1
		}
		all[i].entries = append(all[i].entries, d)
	}
	return all
}

// wholeName returns the full name of the image, or "" if the entry has only a tag.
func wholeName(d v1.Descriptor) string {
	if name := d.Annotations[annotationImageName]; name != "" {
		return name
	}
	if name := d.Annotations[v1.AnnotationRefName]; strings.ContainsAny(name, "/:") {
		return name
	}
	return ""
}

// referencesOf normalises the names that an archive gives an image. It skips names with a digest,
// which may be the digest of another image.
func referencesOf(names ...string) (refs []string, err error) {
	for _, name := range names {
		if name == "" {
			continue
		}
		r, err := parseNamed(name)
		if err != nil {
			return nil, err
		}
		if _, digested := r.named.(reference.Digested); !digested && !slices.Contains(refs, r.String()) {
			refs = append(refs, r.String())
		}
	}
	return refs, nil
}

// A layoutMember is one image of a layout.
type layoutMember struct {
	*layout
	top   v1.Descriptor
	index []byte // set if the member consists of several entries
}

// Resolve returns the member's own manifest or index.
func (m *layoutMember) Resolve(ctx context.Context) (v1.Descriptor, []byte, error) {
	if m.index != nil {
		return v1.Descriptor{MediaType: v1.MediaTypeImageIndex, Digest: digest.FromBytes(m.index),
			Size: int64(len(m.index))}, m.index, nil
	}
	data, err := m.document(ctx, m.top)
	return m.top, data, err
}

// Stamp returns "": after the import the image belongs to the store, whatever becomes of the
// layout.
func (*layoutMember) Stamp() string { return "" }

func dockerMembers(t files, name string, l manifest.Limits) ([]Member, error) {
	saves, err := savedImages(t, l)
	if err != nil {
		return nil, err
	}
	var all []Member
	for _, s := range saves {
		names, err := referencesOf(s.RepoTags...)
		if err != nil {
			return nil, err
		}
		a := &dockerArchive{ref: Reference{Kind: DockerArchive, Path: name}, files: t, limits: l,
			names: map[digest.Digest]string{}, chosen: &s}
		all = append(all, Member{Names: names, Source: &dockerMember{a}})
	}
	return all, nil
}

// A dockerMember is one image of an archive of docker save.
type dockerMember struct{ *dockerArchive }

// Stamp returns "", as that of a layoutMember.
func (dockerMember) Stamp() string { return "" }
