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
	// Name is the name of the copied file or directory in the archive; "" means the last part of its
	// path. "." means the content of a directory.
	Name string
	// FollowLink copies what the path resolves to if it is a symbolic link, instead of the link. Links
	// on the way are always followed, inside the container.
	FollowLink bool
	// Archive keeps owners. Otherwise files that are copied to a container belong to its root.
	Archive bool
}

// A PathStat describes what a path in a container resolves to.
type PathStat struct {
	os.FileInfo
	LinkTarget string // of a symbolic link
}

// StatPath returns what a path in the container's filesystem resolves to, as for CopyFrom. The error
// wraps fs.ErrNotExist if there is nothing.
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

// CopyFrom writes a file or directory of the container's filesystem to w, as a tar stream. If the
// container runs, this filesystem is what the container sees, with its mounts; otherwise it is the
// image with what the container has written, and its volumes. The path counts from the root, and
// nothing in the container can make it lead out of that root.
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

// CopyTo extracts the tar stream r, compressed or not, to a directory of the container's filesystem,
// which must exist. See CopyFrom.
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

// entryName returns the last part of a path, or "." for the content of a directory.
func entryName(file string) string {
	if strings.HasSuffix(file, "/.") || path.Clean("/"+file) == "/" {
		return "."
	}
	return path.Base(path.Clean(file))
}

// open opens file (O_PATH). A symbolic link is followed if follow is set, or if the path goes on
// after it ("link/").
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
