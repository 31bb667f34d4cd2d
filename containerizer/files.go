package containerizer

import (
	"context"
	"io"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/rootfs"
)

// CopyOptions say how to copy.
type CopyOptions = rootfs.CopyOptions

// A PathStat is what a path in a container leads to.
type PathStat = rootfs.PathStat

// DiskUsage is what a container takes on disk, in bytes.
type DiskUsage = rootfs.DiskUsage

// files are those of this store's containers.
func (c *Containerizer) files() *rootfs.Files {
	f := &rootfs.Files{Store: c.store, Helper: c.findHelper, Release: c.cleanupLocked}
	if c.images != nil { // or the interface would not be nil
		f.Images = c.images
	}
	return f
}

// StatPath looks at a path in id's filesystem, as CopyFrom would take it. The
// error wraps fs.ErrNotExist where there is nothing.
func (c *Containerizer) StatPath(ctx context.Context, id mctr.ContainerID, file string,
	o CopyOptions) (*PathStat, error) {
	return c.files().Stat(ctx, id, file, o)
}

// CopyFrom writes a file or directory of id's filesystem to w, as a tar stream.
// Of a running container it is what the container sees, its mounts included; of
// one that does not run, the image with what the container has written, and its
// volumes. The path counts from the root, and nothing in the container can lead
// out of it.
func (c *Containerizer) CopyFrom(ctx context.Context, id mctr.ContainerID, file string, w io.Writer,
	o CopyOptions) error {
	return c.files().CopyFrom(ctx, id, file, w, o)
}

// CopyTo makes the files that the tar stream r brings, compressed or not, in a
// directory of id's filesystem, which must exist. See CopyFrom.
func (c *Containerizer) CopyTo(ctx context.Context, id mctr.ContainerID, dir string, r io.Reader, o CopyOptions) error {
	return c.files().CopyTo(ctx, id, dir, r, o)
}

// DiskUsage adds up what id has written. Files that it removes meanwhile count or
// do not; no link that it makes leads the count elsewhere.
func (c *Containerizer) DiskUsage(ctx context.Context, id mctr.ContainerID) (DiskUsage, error) {
	return c.files().DiskUsage(ctx, id)
}

// Export writes a plain OCI bundle of id to dir, which must not exist or be empty, and
// is then its owner's alone (mode 0700): config.json and rootfs, the image's files as
// they are without what the container wrote, for any OCI runtime to run. Files that the
// spec binds from the container's own directory stay there, so the bundle is good while
// the container exists.
func (c *Containerizer) Export(ctx context.Context, id mctr.ContainerID, dir string) error {
	return c.files().Export(ctx, id, dir)
}
