package rootfs

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

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

type inode struct{ dev, ino uint64 }

// blocksBelow returns the disk space of the files below dir, each once. A file that was removed or
// hidden meanwhile counts nothing.
func blocksBelow(ctx context.Context, dir string) (sum int64, err error) {
	root, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer root.Close()
	seen := map[inode]bool{}
	var st unix.Stat_t
	if err := unix.Fstat(int(root.Fd()), &st); err != nil {
		return 0, &fs.PathError{Op: "stat", Path: dir, Err: err}
	}
	sum = st.Blocks * blockSize
	err = tree.Walk(ctx, root, func(p tree.Place) (*os.File, error) {
		var st unix.Stat_t
		if unix.Fstatat(int(p.Dir.Fd()), p.Name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
			return nil, nil
		}
		isDir := st.Mode&unix.S_IFMT == unix.S_IFDIR
		if !isDir && st.Nlink > 1 {
			id := inode{st.Dev, st.Ino}
			if seen[id] {
				return nil, nil
			}
			seen[id] = true
		}
		sum += st.Blocks * blockSize
		if !isDir {
			return nil, nil
		}
		into, _ := tree.Open(p.Dir, p.Name)
		return into, nil
	})
	if errors.Is(err, tree.ErrMoved) {
		err = nil
	}
	return sum, err
}

// blockSize is the unit of st_blocks in stat(2).
const blockSize = 512
