package copy

import (
	"context"
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/saferoot"
)

// copyFile copies the content of a regular file: as a reflink if the filesystem supports it, else
// in the kernel. Holes stay holes.
func copyFile(ctx context.Context, src, dst string, size int64) (err error) {
	in, err := open(src)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(dst, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if unix.IoctlFileClone(int(out.Fd()), int(in.Fd())) == nil {
		return nil
	}
	if err := out.Truncate(size); err != nil {
		return err
	}
	return copyData(ctx, in, out, size)
}

// open opens a regular file for reading. It does not rely on an earlier stat: a volume is filled
// from a root filesystem that another container may change, so a device may have replaced the file.
func open(src string) (*os.File, error) {
	node, err := os.OpenFile(src, unix.O_PATH|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	defer node.Close()
	return saferoot.Use(node)
}

// piece is the number of bytes copied between two checks of the context.
const piece = 64 << 20

// copyData copies the parts of in that are not holes.
func copyData(ctx context.Context, in, out *os.File, size int64) error {
	for at := int64(0); at < size; {
		data, err := unix.Seek(int(in.Fd()), at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			return nil // only a hole is left
		}
		if err != nil { // this filesystem does not report holes
			data = at
		}
		end, err := unix.Seek(int(in.Fd()), data, unix.SEEK_HOLE)
		if err != nil {
			end = size
		}
		at = min(end, data+piece)
		if err := copyRange(in, out, data, at-data); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}

func copyRange(in, out *os.File, at, n int64) error {
	for _, f := range []*os.File{in, out} {
		if _, err := f.Seek(at, io.SeekStart); err != nil {
			return err
		}
	}
	_, err := io.CopyN(out, in, n)
	return err
}
