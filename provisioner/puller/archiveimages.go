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

// annotationImageName is where containerd and docker write an image's whole name
// in a layout; the OCI's own annotation may hold a bare tag.
const annotationImageName = "io.containerd.image.name"

// Members are the images of one archive or layout.
type Members struct {
	Images []Member
	files  files
}

// A Member is one of them.
type Member struct {
	Names  []string // as references are normalised; none if the archive has none
	Source Source   // closed with the Members
}

// Close frees what the sources read from.
func (m *Members) Close() error { return m.files.Close() }

// OpenMembers opens what `docker save` writes, an OCI layout, or a tar of one,
// compressed or not. From is a file, a directory or any stream, which is read
// through; name is what the images' references call it.
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
	// the archive closes its own, and reads from the start
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

// spillStream is an archive that comes as a stream, kept plain in an unnamed file.
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

// members lists the images. A layout says more than a manifest.json beside it,
// unless that alone has names.
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
		return nil, fmt.Errorf("%w: neither what docker save writes (manifest.json) nor an OCI layout (index.json)",
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

// A group is the entries of a layout's index under one name.
type group struct {
	name    string
	entries []v1.Descriptor
}

// grouped keeps the order. Entries without a name are one image if all say for
// which platform they are.
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

// wholeName is the image's name, if the entry has more than a tag.
func wholeName(d v1.Descriptor) string {
	if name := d.Annotations[annotationImageName]; name != "" {
		return name
	}
	if name := d.Annotations[v1.AnnotationRefName]; strings.ContainsAny(name, "/:") {
		return name
	}
	return ""
}

// referencesOf normalises the names that an archive gives an image. One with a
// digest names nothing here: what the digest is of may be another image.
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
	index []byte // where the member is several entries
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

// Stamp is empty: the image is the store's afterwards, wherever it came from.
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

// A dockerMember is one image of what docker save wrote.
type dockerMember struct{ *dockerArchive }

// Stamp is empty, as a layoutMember's.
func (dockerMember) Stamp() string { return "" }
