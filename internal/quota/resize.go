package quota

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/failpoint"
	"github.com/mctr/mctr/internal/kernel"
)

const ext4Resize = 0x40086610 // EXT4_IOC_RESIZE_FS

func (l loop) check(ctx context.Context, r *Record, to Limits) error {
	if to.Inodes != r.Limits.Inodes {
		return &mctr.UnsupportedError{Feature: "a new limit of inodes", Why: "ext4's number of inodes follows its size",
			Remedy: "change bytes only, or make the directory again"}
	}
	if to.Bytes < minImage {
		return fmt.Errorf("%w: limit of %d bytes: loop wants at least %d", mctr.ErrInvalid, to.Bytes, minImage)
	}
	used, err := l.usage(ctx, r)
	if err != nil {
		return err
	}
	used.Inodes = 0 // their limit stays
	if err := to.fits(used); err != nil {
		return err
	}
	return l.resizable(ctx, r, to)
}

// resizable returns an error that wraps ErrState if the filesystem is in use and the kernel would
// refuse to resize it.
func (l loop) resizable(ctx context.Context, r *Record, to Limits) error {
	mounted, err := mountedAt(r.Dir)
	switch {
	case err != nil:
		return err
	case mounted && to.Bytes >= r.Limits.Bytes && kernel.HasCapability(unix.CAP_SYS_RESOURCE):
		return nil
	case mounted:
		return fmt.Errorf("%w: it is in use: ext4 shrinks only unmounted, and grows mounted only for CAP_SYS_RESOURCE "+
			"(unmount it)", mctr.ErrState)
	}
	return waitDetached(ctx, imageOf(r.Dir))
}

// change makes image and filesystem as large as r.Limits, whatever a kill left.
func (l loop) change(ctx context.Context, r *Record) error {
	image, want := imageOf(r.Dir), imageSize(r.Limits)
	if mounted, err := mountedAt(r.Dir); err != nil {
		return err
	} else if mounted {
		return l.growMounted(r.Dir, want)
	}
	if err := waitDetached(ctx, image); err != nil { // it may be mounted in another mount namespace
		return err
	}
	if err := checkFilesystem(ctx, r); err != nil {
		return err
	}
	sb, err := readSuperblock(image)
	if err != nil {
		return err
	}
	if int64(sb.blocks)*block > want {
		return shrink(ctx, r, want)
	}
	if err := os.Truncate(image, want); err != nil { // a kill may have left it longer than its filesystem
		return err
	}
	if err := failpoint.Hit("quota/truncated"); err != nil {
		return err
	}
	if err := resize(ctx, r, image, strconv.FormatInt(want/block, 10)); err != nil {
		return err
	}
	return failpoint.Hit("quota/resized")
}

// resize resizes an unmounted filesystem that checkFilesystem has checked. It is forced, because
// resize2fs asks for the check that checkFilesystem leaves out.
func resize(ctx context.Context, r *Record, image, blocks string) error {
	return r.run(ctx, nil, "resize2fs", "-f", image, blocks)
}

func (l loop) growMounted(dir string, want int64) error {
	image := imageOf(dir)
	if info, err := os.Stat(image); err != nil {
		return err
	} else if info.Size() > want { // a Change failed; the filesystem may have grown
		return fmt.Errorf("%w: an earlier change has to be finished (unmount it first)", mctr.ErrState)
	}
	if err := os.Truncate(image, want); err != nil {
		return err
	}
	if err := failpoint.Hit("quota/truncated"); err != nil {
		return err
	}
	f, err := openAttached(image)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.IoctlSetInt(int(f.Fd()), unix.LOOP_SET_CAPACITY, 0); err != nil {
		return fmt.Errorf("grow the loop device of %s: %w", image, err)
	}
	root, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	blocks := uint64(want / block)
	if err := ioctl(root, ext4Resize, unsafe.Pointer(&blocks)); err != nil {
		return fmt.Errorf("grow the mounted filesystem: %w", err)
	}
	return failpoint.Hit("quota/resized")
}

// shrink shrinks a copy of the image, because resize2fs moves data and a kill would damage them.
func shrink(ctx context.Context, r *Record, want int64) error {
	image := imageOf(r.Dir)
	smaller := image + ".new"
	if err := copySparse(ctx, image, smaller); err != nil {
		return err
	}
	if err := failpoint.Hit("quota/copied"); err != nil {
		return err
	}
	err := resize(ctx, r, smaller, strconv.FormatInt(want/block, 10))
	if err == nil {
		err = os.Truncate(smaller, want)
	}
	if err == nil {
		err = syncFile(smaller)
	}
	if err != nil {
		return errors.Join(err, os.Remove(smaller))
	}
	if err := failpoint.Hit("quota/truncated"); err != nil {
		return err
	}
	if err := os.Rename(smaller, image); err != nil {
		return err
	}
	return failpoint.Hit("quota/resized")
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// copySparse copies a file without its holes, and removes an incomplete copy.
func copySparse(ctx context.Context, from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, out.Close()); err != nil {
			_ = os.Remove(to)
		}
	}()
	if err := out.Truncate(info.Size()); err != nil {
		return err
	}
	for at := int64(0); ctx.Err() == nil; {
		data, err := in.Seek(at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			return nil
		}
		if err != nil {
			return err
		}
		if at, err = in.Seek(data, unix.SEEK_HOLE); err != nil {
			return err
		}
		at = min(at, data+copied)
		part := io.NewSectionReader(in, data, at-data)
		if _, err := io.Copy(io.NewOffsetWriter(out, data), part); err != nil {
			return &fs.PathError{Op: "copy", Path: from, Err: err}
		}
	}
	return context.Cause(ctx)
}

// copied is how many bytes are copied between two looks at the context.
const copied = 64 << 20
