package rootfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/saferoot"
	"github.com/mctr/mctr/internal/tarfs"
	"github.com/mctr/mctr/provisioner/layer"
)

// CopyOptions say how to copy.
type CopyOptions struct {
	// Name is what the copied file or directory is called in the archive; "" is the
	// last part of its path. "." is for a directory whose content is meant.
	Name string
	// FollowLink copies what a path leads to that is a symbolic link, instead of
	// the link. Links on the way are always followed, inside the container.
	FollowLink bool
	// Archive keeps owners. Otherwise what is copied to a container is root's there.
	Archive bool
}

// A PathStat is what a path in a container leads to.
type PathStat struct {
	os.FileInfo
	LinkTarget string // of a symbolic link
}

// StatPath looks at a path in id's filesystem, as CopyFrom would take it. The
// error wraps fs.ErrNotExist where there is nothing.
func (f *Files) StatPath(ctx context.Context, id mctr.ContainerID, file string,
	o CopyOptions) (s *PathStat, err error) {
	err = f.within(ctx, id, func(v *view) error {
		opened, err := v.open(file, o.FollowLink)
		if err != nil {
			return err
		}
		defer opened.Close()
		s = &PathStat{}
		if s.FileInfo, err = opened.Stat(); err == nil && s.Mode()&os.ModeSymlink != 0 {
			s.LinkTarget, err = tarfs.Readlink(opened)
		}
		return err
	})
	return s, err
}

// CopyFrom writes a file or directory of id's filesystem to w, as a tar stream.
// Of a running container it is what the container sees, its mounts included; of
// one that does not run, the image with what the container has written, and its
// volumes. The path counts from the root, and nothing in the container can lead
// out of it.
func (f *Files) CopyFrom(ctx context.Context, id mctr.ContainerID, file string, w io.Writer,
	o CopyOptions) error {
	return f.within(ctx, id, func(v *view) error {
		opened, err := v.open(file, o.FollowLink)
		if err != nil {
			return err
		}
		defer opened.Close()
		name := o.Name
		if name == "" {
			name = entryName(file)
		}
		if err := tarfs.Pack(ctx, opened, name, w); err != nil {
			return fmt.Errorf("copy %s from container %s: %w", file, id.Short(), err)
		}
		return nil
	})
}

// CopyTo makes the files that the tar stream r brings, compressed or not, in a
// directory of id's filesystem, which must exist. See CopyFrom.
func (f *Files) CopyTo(ctx context.Context, id mctr.ContainerID, dir string, r io.Reader, o CopyOptions) error {
	return f.within(ctx, id, func(v *view) error {
		opened, err := v.open(dir, true)
		if err != nil {
			return err
		}
		info, err := opened.Stat()
		if err = errors.Join(err, opened.Close()); err != nil {
			return err
		}
		if !info.IsDir() {
			return fmt.Errorf("%w: %s in container %s is not a directory", mctr.ErrInvalid, dir, id.Short())
		}
		plain, err := layer.Decompress(r)
		if err != nil {
			return err
		}
		defer plain.Close()
		if err := tarfs.Unpack(ctx, v.root, dir, plain, tarfs.Options{Follow: true, Owner: o.Archive}); err != nil {
			return fmt.Errorf("copy to %s in container %s: %w", dir, id.Short(), err)
		}
		return nil
	})
}

// entryName is the last part of a path; "." where its content is meant.
func entryName(file string) string {
	if strings.HasSuffix(file, "/.") || path.Clean("/"+file) == "/" {
		return "."
	}
	return path.Base(path.Clean(file))
}

// open finds file (O_PATH). A link is followed if that is asked for, or if the path
// goes on behind it ("link/").
func (v *view) open(file string, follow bool) (*os.File, error) {
	if file == "" {
		return nil, fmt.Errorf("%w: an empty path in a container", mctr.ErrInvalid)
	}
	if err := v.check(file, file); err != nil {
		return nil, err
	}
	flags := 0
	if !follow {
		flags = unix.O_NOFOLLOW
	}
	f, err := saferoot.OpenAt(v.root, file, flags)
	if errors.Is(err, unix.ENOENT) {
		return nil, fmt.Errorf("%w: could not find the file %s in container %s: %w", mctr.ErrNotFound, file,
			v.id.Short(), err)
	}
	if err != nil {
		return nil, fmt.Errorf("container %s: %w", v.id.Short(), err)
	}
	if err := v.checkOpened(f, file); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
