package rootfs

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/tree"
)

// DiskUsage is the disk space of a container, in bytes.
type DiskUsage struct {
	Written int64 `json:"written"` // on top of its image, by the container or by copies to it
	Logs    int64 `json:"logs"`
	Sandbox int64 `json:"sandbox"`
}

// Total returns the sum.
func (d DiskUsage) Total() int64 { return d.Written + d.Logs + d.Sandbox }

// DiskUsage adds up what the container has written. Files that it removes meanwhile may count or not;
// its symbolic links are not followed.
func (f *Files) DiskUsage(ctx context.Context, id mctr.ContainerID) (d DiskUsage, err error) {
	c := f.store.Container(id)
	if _, err := c.Record(); err != nil {
		return d, err
	}
	for dir, sum := range map[string]*int64{c.RW(): &d.Written, c.Logs(): &d.Logs, c.Sandbox(): &d.Sandbox} {
		if *sum, err = blocksBelow(ctx, dir); err != nil {
			return d, err
		}
	}
	return d, nil
}

// blocksBelow returns the disk space of dir and of the files below it.
func blocksBelow(ctx context.Context, dir string) (int64, error) {
	root, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer root.Close()
	bytes, _, err := tree.Usage(ctx, root)
	return bytes, err
}
