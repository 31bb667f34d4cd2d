package puller

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"syscall"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/provisioner/layer"
)

// maxEntries limits the files in an archive of images, which needs a few for each layer.
const maxEntries = 100_000

// An archive is a tar file whose members are read in place, through an index, without unpacking
// them.
type archive struct {
	file    *os.File
	stamped string
	index   map[string]extent
}

// An extent is the position of a file's content in the archive.
type extent struct {
	offset, size int64
	link         string // the target of a link; else empty
}

func openArchive(r Reference, c Config) (*archive, error) {
	f, err := os.OpenFile(r.Path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, missingPathError(err)
	}
	a, err := newArchive(f, c)
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return a, nil
}

// newArchive opens the archive in f. If it succeeds, the archive closes f.
func newArchive(f *os.File, c Config) (*archive, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s is not a regular file", mctr.ErrInvalid, f.Name())
	}
	plain, err := inflate(f, c)
	if err != nil {
		return nil, err
	}
	a := &archive{file: plain, stamped: stampOf(info), index: map[string]extent{}}
	if err := a.scan(); err != nil {
		if plain != f {
			_ = plain.Close()
		}
		return nil, fmt.Errorf("%w: read archive: %w", mctr.ErrInvalid, err)
	}
	if plain != f {
		_ = f.Close()
	}
	return a, nil
}

// inflate returns f itself, or if f is compressed, its plain form in an unnamed file.
func inflate(f *os.File, c Config) (*os.File, error) {
	var magic [4]byte
	if _, err := f.ReadAt(magic[:], 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if !layer.IsCompressed(magic[:]) {
		return f, nil
	}
	plain, err := layer.Decompress(f)
	if err != nil {
		return nil, err
	}
	defer plain.Close()
	return spill(plain, c)
}

func spill(r io.Reader, c Config) (*os.File, error) {
	t, err := os.CreateTemp(c.Temp, "archive-")
	if err != nil {
		return nil, err
	}
	err = os.Remove(t.Name())
	if err == nil {
		var n int64
		if n, err = io.Copy(t, io.LimitReader(r, c.Unpacked+1)); err == nil && n > c.Unpacked {
			err = fmt.Errorf("%w: archive unpacks to more than %d bytes", layer.ErrLimit, c.Unpacked)
		}
	}
	if err == nil {
		_, err = t.Seek(0, io.SeekStart)
	}
	if err != nil {
		_ = t.Close()
		return nil, err
	}
	return t, nil
}

// scan reads the headers. The tar reader does not read ahead, so after each header the file offset
// is that of the entry's content.
func (a *archive) scan() error {
	t := tar.NewReader(a.file)
	for n := 0; ; n++ {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if n >= maxEntries || len(h.Name) > 4096 {
			return fmt.Errorf("%w: more than %d entries, or a name of %d bytes", layer.ErrLimit, maxEntries,
				len(h.Name))
		}
		if err := a.note(h); err != nil {
			return err
		}
	}
}

func (a *archive) note(h *tar.Header) error {
	name := path.Clean(strings.TrimLeft(h.Name, "/"))
	switch h.Typeflag {
	case tar.TypeReg:
		at, err := a.file.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		a.index[name] = extent{offset: at, size: h.Size}
	case tar.TypeSymlink:
		a.index[name] = extent{link: path.Join(path.Dir(name), h.Linkname)}
	case tar.TypeLink:
		a.index[name] = extent{link: path.Clean(h.Linkname)}
	}
	return nil
}

// find looks up name and follows links, which can only lead to names in the archive.
func (a *archive) find(name string) (extent, error) {
	for range 8 {
		e, ok := a.index[path.Clean(name)]
		if !ok {
			return e, fmt.Errorf("%w: the archive has no %.200q", mctr.ErrNotFound, name)
		}
		if e.link == "" {
			return e, nil
		}
		name = e.link
	}
	return extent{}, fmt.Errorf("%w: the archive's %.200q is a long chain of links", mctr.ErrInvalid, name)
}

func (a *archive) open(name string, offset int64) (io.ReadCloser, int64, error) {
	e, err := a.find(name)
	if err != nil {
		return nil, 0, err
	}
	offset = min(offset, e.size)
	return io.NopCloser(io.NewSectionReader(a.file, e.offset+offset, e.size-offset)), e.size, nil
}

func (a *archive) stamp() string { return a.stamped }
func (a *archive) Close() error  { return a.file.Close() }
