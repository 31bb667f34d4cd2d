package tarfs

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/internal/ctxio"
	"github.com/mctr/mctr/internal/saferoot"
	"github.com/mctr/mctr/internal/tree"
)

// Options configures Unpack.
type Options struct {
	// Follow resolves links in the directories of a path, within the root. Without it such a link
	// is an error.
	Follow bool
	// Owner preserves the owners in the stream. Otherwise all files get UID and GID and lose the
	// set-user-ID and set-group-ID bits and the capabilities of another owner, and existing
	// directories stay unchanged.
	Owner    bool
	UID, GID int
	// Harmless is for an untrusted tree that other users can reach: no file keeps a set-user-ID or
	// set-group-ID bit or capabilities, whatever its owner, and devices are omitted.
	Harmless bool
	// LeftOut is called for each omitted file. It may be nil.
	LeftOut func(name string)
}

// Unpack makes the files of the tar stream r below the directory dir ("." or a path) of root, which
// is open. A directory does not replace another kind of file, nor the reverse; otherwise each
// existing file is replaced atomically. Files made before an error stay. Errors wrap
// mctr.ErrInvalid or mctr.ErrExists.
func Unpack(ctx context.Context, root *os.File, dir string, r io.Reader, o Options) (err error) {
	u := &unpacker{ctx: ctx, root: root, base: dir, options: o}
	defer func() { err = errors.Join(err, u.leave()) }()
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("read the archive: %w", invalid(err))
		}
		if err := u.entry(h, t); err != nil {
			return fmt.Errorf("%.300q: %w", h.Name, err)
		}
	}
	if err := u.dates(); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, r) // padding at the end of the stream
	return err
}

type unpacker struct {
	ctx     context.Context
	root    *os.File
	base    string
	options Options
	left    bool     // a file was omitted
	parent  *os.File // the directory used last, kept open
	at      string   // the path of parent
	dated   tree.List[time.Time]
}

// clean returns an entry's name relative to the base, "." for the base itself.
func clean(name string) (string, error) {
	if slices.Contains(strings.Split(name, "/"), "..") || strings.ContainsRune(name, 0) {
		return "", fmt.Errorf("%w: the name contains .. or a NUL", mctr.ErrInvalid)
	}
	return path.Clean(strings.TrimLeft("./"+name, "/")), nil
}

func (u *unpacker) entry(h *tar.Header, content io.Reader) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	name, err := clean(h.Name)
	if err != nil {
		return err
	}
	u.dropOwner(h)
	if u.options.Harmless && (h.Typeflag == tar.TypeChar || h.Typeflag == tar.TypeBlock) {
		u.leaveOut(name)
		return nil
	}
	if h.Typeflag == tar.TypeDir {
		return u.directory(name, h)
	}
	if name == "." {
		return fmt.Errorf("%w: the root of the archive is not a directory", mctr.ErrInvalid)
	}
	parent, err := u.in(path.Dir(name))
	if err != nil {
		return err
	}
	err = u.place(parent, path.Base(name), func(temp string) error { return u.make(parent, temp, h, content) })
	if u.left && h.Typeflag == tar.TypeLink && errors.Is(err, fs.ErrNotExist) {
		u.leaveOut(name) // another name of an omitted file
		return nil
	}
	return err
}

func (u *unpacker) leaveOut(name string) {
	u.left = true
	if u.options.LeftOut != nil {
		u.options.LeftOut(name)
	}
}

// dropOwner removes from a header what must not pass to another owner.
func (u *unpacker) dropOwner(h *tar.Header) {
	owner := !u.options.Harmless && (u.options.Owner || h.Uid == u.options.UID && h.Gid == u.options.GID)
	for key := range h.PAXRecords {
		if name, ok := strings.CutPrefix(key, paxXattr); ok && !copied(name, owner) {
			delete(h.PAXRecords, key)
		}
	}
	if !u.options.Owner {
		h.Uid, h.Gid = u.options.UID, u.options.GID
	}
	if !owner && h.Typeflag != tar.TypeDir {
		h.Mode &^= 0o6000
	}
}

// place lets make make a file and renames it to name, replacing an existing file.
func (u *unpacker) place(parent *os.File, name string, make func(temp string) error) error {
	temp := fmt.Sprintf("%s%016x", atomicfile.TempPrefix, rand.Uint64())
	dir := int(parent.Fd())
	err := make(temp)
	if err == nil {
		err = unix.Renameat(dir, temp, dir, name)
	}
	// After a rename temp does not exist, except if both names were links to one file: rename does
	// nothing then.
	_ = unix.Unlinkat(dir, temp, 0)
	switch {
	case errors.Is(err, unix.EISDIR):
		return fmt.Errorf("%w: cannot overwrite a directory with a file that is not a directory", mctr.ErrExists)
	case errors.Is(err, unix.EBUSY):
		return fmt.Errorf("%w: something is mounted there", err)
	}
	return readOnly(err)
}

func (u *unpacker) make(parent *os.File, temp string, h *tar.Header, content io.Reader) error {
	dir := int(parent.Fd())
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeGNUSparse, tar.TypeCont:
		return u.file(dir, temp, h, content)
	case tar.TypeLink:
		return u.link(dir, temp, h)
	case tar.TypeSymlink:
		if err := unix.Symlinkat(h.Linkname, dir, temp); err != nil {
			return err
		}
		return errors.Join(unix.Fchownat(dir, temp, h.Uid, h.Gid, unix.AT_SYMLINK_NOFOLLOW),
			setTime(dir, temp, h.ModTime, unix.AT_SYMLINK_NOFOLLOW))
	}
	kind := map[byte]uint32{tar.TypeFifo: unix.S_IFIFO, tar.TypeChar: unix.S_IFCHR,
		tar.TypeBlock: unix.S_IFBLK}[h.Typeflag]
	if kind == 0 {
		return fmt.Errorf("%w: an entry of type %q", mctr.ErrInvalid, h.Typeflag)
	}
	device := unix.Mkdev(uint32(h.Devmajor), uint32(h.Devminor))
	if err := unix.Mknodat(dir, temp, kind|0o600, int(device)); err != nil {
		return err
	}
	return u.applyHeaderAt(dir, temp, kind, h)
}

func (u *unpacker) file(dir int, temp string, h *tar.Header, content io.Reader) (err error) {
	fd, err := unix.Openat(dir, temp, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), temp)
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := fill(f, ctxio.Reader(u.ctx, content), h.Size); err != nil {
		return err
	}
	return applyHeader(f, h)
}

// link makes a hard link to a file that came earlier in the stream or existed before.
func (u *unpacker) link(dir int, temp string, h *tar.Header) error {
	name, err := clean(h.Linkname)
	if err != nil {
		return err
	}
	if name == "." {
		return fmt.Errorf("%w: a hard link to a directory", mctr.ErrInvalid)
	}
	from, err := u.open(path.Dir(name))
	if err != nil {
		return err
	}
	defer from.Close()
	if err := unix.Linkat(int(from.Fd()), path.Base(name), dir, temp, 0); err != nil {
		return fmt.Errorf("link to %s: %w", name, err)
	}
	return nil
}

// applyHeaderAt is applyHeader for a file made by mknod, which must not be opened. If another
// process has replaced the file meanwhile, the replacement stays unchanged.
func (u *unpacker) applyHeaderAt(dir int, temp string, kind uint32, h *tar.Header) error {
	fd, err := unix.Openat(dir, temp, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), temp)
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != kind {
		return fmt.Errorf("%w: another process replaced it while it was being made", mctr.ErrState)
	}
	return applyHeader(f, h)
}

// directory makes a directory, or uses an existing one.
func (u *unpacker) directory(name string, h *tar.Header) error {
	made := false
	if name != "." {
		parent, err := u.in(path.Dir(name))
		if err != nil {
			return err
		}
		err = unix.Mkdirat(int(parent.Fd()), path.Base(name), 0o700)
		if made = err == nil; !made && !errors.Is(err, unix.EEXIST) {
			return readOnly(err)
		}
	}
	f, err := u.openDirectory(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if !made && !u.options.Owner {
		return nil
	}
	u.dated.Add(name, h.ModTime)
	return readOnly(applyHeader(f, h))
}

// openDirectory opens the directory called name; a symbolic link is an error.
func (u *unpacker) openDirectory(name string) (*os.File, error) {
	if name == "." {
		return u.open(name)
	}
	parent, err := u.in(path.Dir(name))
	if err != nil {
		return nil, err
	}
	fd, err := unix.Openat(int(parent.Fd()), path.Base(name),
		unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return nil, fmt.Errorf("%w: cannot overwrite a file that is not a directory with a directory", mctr.ErrExists)
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return os.NewFile(uintptr(fd), name), nil
}

// in returns the directory dir, which stays open until another one is requested. It makes
// directories that are missing in the stream.
func (u *unpacker) in(dir string) (*os.File, error) {
	if u.parent != nil && u.at == dir {
		return u.parent, nil
	}
	f, err := u.open(dir)
	if errors.Is(err, fs.ErrNotExist) && dir != "." {
		var above *os.File
		if above, err = u.in(path.Dir(dir)); err != nil {
			return nil, err
		}
		if err := unix.Mkdirat(int(above.Fd()), path.Base(dir), 0o755); err != nil && !errors.Is(err, unix.EEXIST) {
			return nil, readOnly(&fs.PathError{Op: "mkdir", Path: dir, Err: err})
		}
		f, err = u.open(dir)
	}
	if err != nil {
		return nil, err
	}
	if err := u.leave(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	u.parent, u.at = f, dir
	return f, nil
}

func (u *unpacker) open(dir string) (*os.File, error) {
	const flags = unix.O_DIRECTORY
	if u.options.Follow {
		return saferoot.OpenAt(u.root, path.Join(u.base, dir), flags)
	}
	return saferoot.OpenBeneath(u.root, path.Join(u.base, dir), flags)
}

func (u *unpacker) leave() error {
	if u.parent == nil {
		return nil
	}
	f := u.parent
	u.parent = nil
	return f.Close()
}

// dates sets the times of directories after the last file was written in them.
func (u *unpacker) dates() error {
	for name, at := range u.dated.All {
		f, err := u.openDirectory(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed meanwhile
		}
		if err != nil {
			return err
		}
		err = errors.Join(setTime(unix.AT_FDCWD, saferoot.Path(f), at, 0), f.Close())
		if err != nil {
			return fmt.Errorf("%.300q: %w", name, err)
		}
	}
	return nil
}

// invalid adds mctr.ErrInvalid to an error that is the stream's fault.
func invalid(err error) error {
	if errors.Is(err, tar.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, tar.ErrFieldTooLong) {
		return fmt.Errorf("%w: %w", mctr.ErrInvalid, err)
	}
	return err
}

// readOnly adds the remedy to the error of a read-only filesystem.
func readOnly(err error) error {
	if errors.Is(err, unix.EROFS) {
		return fmt.Errorf("%w: %w (it is mounted read-only: copy to a writable volume)", mctr.ErrState, err)
	}
	return err
}
