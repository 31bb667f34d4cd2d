package tarfs

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/ctxio"
	"github.com/mctr/mctr/internal/saferoot"
	"github.com/mctr/mctr/internal/tree"
)

// Pack writes node, which is open with O_PATH, and everything below it to w as a tar stream in
// which node is called name. It includes other filesystems mounted below node, except those whose
// content the kernel generates (/proc, /sys).
func Pack(ctx context.Context, node *os.File, name string, w io.Writer) error {
	p := &packer{ctx: ctx, tar: tar.NewWriter(w), way: []*tree.Name{tree.Root(name)}, buf: make([]byte, holeSize)}
	dir, err := p.node(node, p.way[0], nil)
	if err != nil {
		return err
	}
	if dir != nil {
		defer dir.Close()
		if err := tree.Walk(ctx, dir, p.child); err != nil {
			return err
		}
	}
	return p.tar.Close()
}

type packer struct {
	ctx  context.Context
	tar  *tar.Writer
	seen tree.Names
	way  []*tree.Name // the directories down to the current one
	buf  []byte
}

// node writes one file, which was found in the directory above. It returns a directory open, so
// that it is walked next.
func (p *packer) node(f *os.File, short *tree.Name, above *os.File) (into *os.File, err error) {
	if p.ctx.Err() != nil {
		return nil, context.Cause(p.ctx)
	}
	name := path.Clean(short.Path()) // removes a leading "./"
	if len(name) > unix.PathMax {
		return nil, fmt.Errorf("%w: a path longer than %d bytes, which begins with %.100q", mctr.ErrInvalid,
			unix.PathMax, name)
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return nil, fail("stat", name, err)
	}
	h := headerOf(name, &st)
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return p.directory(f, h, &st, above)
	case unix.S_IFSOCK:
		return nil, nil
	case unix.S_IFLNK:
		target, err := Readlink(f)
		if err != nil {
			return nil, fail("readlink", name, err)
		}
		h.Linkname = target
	case unix.S_IFREG:
		return nil, p.regular(f, h, &st, short)
	}
	if p.linked(h, &st, short) {
		return nil, p.tar.WriteHeader(h)
	}
	return nil, p.header(f, h)
}

func fail(op, path string, err error) error {
	return &fs.PathError{Op: op, Path: tree.Short(path), Err: err}
}

func headerOf(name string, st *unix.Stat_t) *tar.Header {
	h := &tar.Header{
		Name: name, Mode: int64(st.Mode & 0o7777), Uid: int(st.Uid), Gid: int(st.Gid), Format: tar.FormatPAX,
		ModTime: time.Unix(st.Mtim.Unix()),
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		h.Typeflag, h.Name = tar.TypeDir, name+"/"
	case unix.S_IFLNK:
		h.Typeflag = tar.TypeSymlink
	case unix.S_IFIFO:
		h.Typeflag = tar.TypeFifo
	case unix.S_IFCHR, unix.S_IFBLK:
		h.Typeflag = tar.TypeChar
		if st.Mode&unix.S_IFMT == unix.S_IFBLK {
			h.Typeflag = tar.TypeBlock
		}
		h.Devmajor, h.Devminor = int64(unix.Major(st.Rdev)), int64(unix.Minor(st.Rdev))
	default:
		h.Typeflag, h.Size = tar.TypeReg, st.Size
	}
	return h
}

// linked makes h a hard link to the first name of the file, if that was written already.
func (p *packer) linked(h *tar.Header, st *unix.Stat_t, name *tree.Name) bool {
	first := p.seen.First(tree.ID{Dev: st.Dev, Ino: st.Ino}, uint64(st.Nlink), func() *tree.Name { return name })
	if first == nil {
		return false
	}
	h.Typeflag, h.Linkname, h.Size = tar.TypeLink, path.Clean(first.Path()), 0
	return true
}

// header writes h with f's extended attributes.
func (p *packer) header(f *os.File, h *tar.Header) error {
	xattrs, err := readXattrs(f)
	if err != nil {
		return fail("read extended attributes", h.Name, err)
	}
	for name, value := range xattrs {
		if h.PAXRecords == nil {
			h.PAXRecords = map[string]string{}
		}
		h.PAXRecords[paxXattr+name] = value
	}
	if err := p.tar.WriteHeader(h); err != nil {
		return fmt.Errorf("%s: %w", h.Name, err)
	}
	return nil
}

// regular writes a file with the size that it has when it is opened.
func (p *packer) regular(node *os.File, h *tar.Header, st *unix.Stat_t, name *tree.Name) error {
	if p.linked(h, st, name) {
		return p.tar.WriteHeader(h)
	}
	f, err := saferoot.Use(node)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	content := io.Reader(f)
	if h.Size = info.Size(); h.Size == 0 || onKernelFilesystem(node) {
		made, err := p.sizeless(f)
		if err != nil {
			return fail("read", h.Name, err)
		}
		content, h.Size = bytes.NewReader(made), int64(len(made))
	}
	if err := p.header(node, h); err != nil {
		return err
	}
	n, err := io.CopyBuffer(p.tar, ctxio.Reader(p.ctx, io.LimitReader(content, h.Size)), p.buf)
	if err == nil && n < h.Size {
		err = fmt.Errorf("%w: it was truncated from %d to %d bytes while it was read", mctr.ErrUnavailable, h.Size, n)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", h.Name, err)
	}
	return nil
}

// maxSizeless limits how much is read of a file that does not report its size.
const maxSizeless = 64 << 20

// sizeless reads a file whose size the kernel does not know or invents (/proc, /sys, some FUSE
// filesystems): in a tar stream the size precedes the content. Files that block readers are not
// supported.
func (p *packer) sizeless(f *os.File) ([]byte, error) {
	raw, err := f.SyscallConn() // Fd would make reads block
	if err != nil {
		return nil, err
	}
	var all []byte
	for {
		if p.ctx.Err() != nil {
			return nil, context.Cause(p.ctx)
		}
		n, readErr := 0, error(nil)
		err := raw.Control(func(fd uintptr) { n, readErr = unix.Read(int(fd), p.buf) })
		switch err := errors.Join(err, readErr); {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return nil, err
		case n == 0:
			return all, nil
		}
		if all = append(all, p.buf[:n]...); len(all) > maxSizeless {
			return nil, fmt.Errorf("%w: it does not report its size and has more than %d bytes",
				mctr.ErrUnsupported, maxSizeless)
		}
	}
}

func (p *packer) directory(node *os.File, h *tar.Header, st *unix.Stat_t, above *os.File) (into *os.File, err error) {
	if err := p.header(node, h); err != nil {
		return nil, err
	}
	if above != nil {
		var over unix.Stat_t
		if err := unix.Fstat(int(above.Fd()), &over); err != nil {
			return nil, fail("stat", h.Name, err)
		}
		if over.Dev != st.Dev && onKernelFilesystem(node) {
			return nil, nil
		}
	}
	return saferoot.Use(node)
}

// child writes the file at a place, or nothing if the file was removed meanwhile.
func (p *packer) child(at tree.Place) (into *os.File, err error) {
	p.way = p.way[:at.Depth()+1]
	name := p.way[at.Depth()].In(at.Name)
	fd, err := unix.Openat(int(at.Dir.Fd()), at.Name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	if err != nil {
		return nil, fail("open", name.Path(), err)
	}
	f := os.NewFile(uintptr(fd), at.Name)
	defer f.Close()
	into, err = p.node(f, name, at.Dir)
	p.way = append(p.way, name)
	return into, err
}

// kernelFilesystems lists filesystems whose content the kernel generates.
var kernelFilesystems = []int64{
	unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.CGROUP_SUPER_MAGIC, unix.CGROUP2_SUPER_MAGIC, unix.DEVPTS_SUPER_MAGIC,
	unix.DEBUGFS_MAGIC, unix.TRACEFS_MAGIC, unix.SECURITYFS_MAGIC, unix.BPF_FS_MAGIC, 0x19800202, // the last: mqueue
}

func onKernelFilesystem(f *os.File) bool {
	var st unix.Statfs_t
	return unix.Fstatfs(int(f.Fd()), &st) == nil && slices.Contains(kernelFilesystems, int64(st.Type))
}
