package containerizer

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"syscall"

	"github.com/mctr/mctr"
)

// DiskUsage is what a container takes on disk, in bytes.
type DiskUsage struct {
	Written int64 // above its image, by itself or by copies to it
	Logs    int64
	Sandbox int64
}

// Total is all of it.
func (d DiskUsage) Total() int64 { return d.Written + d.Logs + d.Sandbox }

// DiskUsage adds up what id has written. Files that it removes meanwhile count or
// do not; no link that it makes leads the count elsewhere.
func (c *Containerizer) DiskUsage(ctx context.Context, id mctr.ContainerID) (d DiskUsage, err error) {
	if _, err := c.load(id); err != nil {
		return d, err
	}
	for dir, sum := range map[string]*int64{c.paths.rw(id): &d.Written, c.paths.logs(id): &d.Logs, c.paths.sandbox(id): &d.Sandbox} {
		if *sum, err = blocksBelow(ctx, dir); err != nil {
			return d, err
		}
	}
	return d, nil
}

// blocksBelow is what the files below dir take, each once.
func blocksBelow(ctx context.Context, dir string) (sum int64, err error) {
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer root.Close()
	type inode struct{ dev, ino uint64 }
	seen := map[inode]bool{}
	err = fs.WalkDir(root.FS(), ".", func(_ string, d fs.DirEntry, err error) error {
		if err != nil { // gone, or hidden: it counts nothing
			return nil //nolint:nilerr // see above
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		info, err := d.Info()
		if err != nil {
			return nil //nolint:nilerr // gone
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		if !ok || st.Nlink > 1 && !d.IsDir() && seen[inode{st.Dev, st.Ino}] {
			return nil
		}
		if st.Nlink > 1 && !d.IsDir() {
			seen[inode{st.Dev, st.Ino}] = true
		}
		sum += st.Blocks * 512
		return nil
	})
	return sum, err
}
