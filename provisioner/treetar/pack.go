package treetar

import (
	"archive/tar"
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
	"github.com/mctr/mctr/internal/interruptible"
	"github.com/mctr/mctr/provisioner/inroot"
)

// Pack writes what node is, and all that lies below it, to w as a tar stream in
// which node is called name. node is opened with O_PATH. Other filesystems that
// are mounted below it come along, but not what the kernel makes up (/proc, /sys).
func Pack(ctx context.Context, node *os.File, name string, w io.Writer) error {
	p := &packer{ctx: ctx, tar: tar.NewWriter(w), seen: map[inode]string{}}
	if err := p.node(node, name, nil); err != nil {
		return err
	}
	return p.tar.Close()
}

type packer struct {
	ctx  context.Context
	tar  *tar.Writer
	seen map[inode]string // files that have several names, by the first
}

type inode struct{ dev, ino uint64 }

// node writes one file, and what is in it. above is the directory it was found in.
func (p *packer) node(f *os.File, name string, above *unix.Stat_t) error {
	if p.ctx.Err() != nil {
		return context.Cause(p.ctx)
	}
	if len(name) > unix.PathMax {
		return fmt.Errorf("%w: a path of more than %d bytes, that begins %.100q", mctr.ErrInvalid, unix.PathMax, name)
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	h := headerOf(name, &st)
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return p.directory(f, h, &st, above)
	case unix.S_IFSOCK:
		return nil
	case unix.S_IFLNK:
		target, err := Readlink(f)
		if err != nil {
			return &fs.PathError{Op: "readlink", Path: name, Err: err}
		}
		h.Linkname = target
	case unix.S_IFREG:
		return p.regular(f, h, &st)
	}
	if p.linked(h, &st) {
		return p.tar.WriteHeader(h)
	}
	return p.header(f, h)
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

// linked makes h a hard link to the first name of the file, if it had one.
func (p *packer) linked(h *tar.Header, st *unix.Stat_t) bool {
	if st.Nlink < 2 {
		return false
	}
	id := inode{st.Dev, st.Ino}
	first, ok := p.seen[id]
	if !ok {
		p.seen[id] = h.Name
		return false
	}
	h.Typeflag, h.Linkname, h.Size = tar.TypeLink, first, 0
	return true
}

// header writes h with f's extended attributes.
func (p *packer) header(f *os.File, h *tar.Header) error {
	xattrs, err := readXattrs(f)
	if err != nil {
		return &fs.PathError{Op: "read extended attributes", Path: h.Name, Err: err}
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

// regular writes a file as long as it is when it is opened.
func (p *packer) regular(node *os.File, h *tar.Header, st *unix.Stat_t) error {
	if p.linked(h, st) {
		return p.tar.WriteHeader(h)
	}
	f, err := inroot.Use(node)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	h.Size = info.Size()
	if err := p.header(node, h); err != nil {
		return err
	}
	n, err := io.Copy(p.tar, interruptible.Reader(p.ctx, io.LimitReader(f, h.Size)))
	if err == nil && n < h.Size {
		err = fmt.Errorf("%w: it was cut short, from %d to %d bytes, while it was read", mctr.ErrUnavailable, h.Size, n)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", h.Name, err)
	}
	return nil
}

func (p *packer) directory(node *os.File, h *tar.Header, st, above *unix.Stat_t) error {
	if err := p.header(node, h); err != nil {
		return err
	}
	if above != nil && above.Dev != st.Dev && madeUp(node) {
		return nil
	}
	dir, err := inroot.Use(node)
	if err != nil {
		return err
	}
	defer dir.Close()
	for {
		names, err := dir.Readdirnames(batch)
		slices.Sort(names)
		for _, name := range names {
			if err := p.child(dir, name, path.Join(h.Name, name), st); err != nil {
				return err
			}
		}
		if err != nil || len(names) == 0 {
			return ended(err)
		}
	}
}

// batch is how many names of a directory are held at a time: there may be millions.
const batch = 4096

func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// child writes what is called name in dir; nothing if it is gone by now.
func (p *packer) child(dir *os.File, name, whole string, above *unix.Stat_t) error {
	fd, err := unix.Openat(int(dir.Fd()), name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return &fs.PathError{Op: "open", Path: whole, Err: err}
	}
	f := os.NewFile(uintptr(fd), whole)
	defer f.Close()
	return p.node(f, whole, above)
}

// kernelFilesystems hold what the kernel makes up.
var kernelFilesystems = []int64{
	unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.CGROUP_SUPER_MAGIC, unix.CGROUP2_SUPER_MAGIC, unix.DEVPTS_SUPER_MAGIC,
	unix.DEBUGFS_MAGIC, unix.TRACEFS_MAGIC, unix.SECURITYFS_MAGIC, unix.BPF_FS_MAGIC, 0x19800202, // the last: mqueue
}

func madeUp(f *os.File) bool {
	var st unix.Statfs_t
	return unix.Fstatfs(int(f.Fd()), &st) == nil && slices.Contains(kernelFilesystems, int64(st.Type))
}
