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

// DiskUsage is what a container takes on disk, in bytes.
type DiskUsage struct {
	Written int64 `json:"written"` // above its image, by itself or by copies to it
	Logs    int64 `json:"logs"`
	Sandbox int64 `json:"sandbox"`
}

// Total is all of it.
func (d DiskUsage) Total() int64 { return d.Written + d.Logs + d.Sandbox }

// DiskUsage adds up what id has written. Files that it removes meanwhile count or
// do not; no link that it makes leads the count elsewhere.
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

// blocksBelow is what the files below dir take, each once. What is gone or hidden when
// it is looked at counts nothing.
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

// blockSize is what stat(2) counts in.
const blockSize = 512
