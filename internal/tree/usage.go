package tree

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// blockSize is the unit of st_blocks in stat(2).
const blockSize = 512

// Usage returns the disk space of the files below root and of root itself, and their number; a file
// with several names counts once. A file that is removed or hidden meanwhile may count or not.
func Usage(ctx context.Context, root *os.File) (bytes, inodes int64, err error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(root.Fd()), &st); err != nil {
		return 0, 0, &fs.PathError{Op: "stat", Path: root.Name(), Err: err}
	}
	bytes, inodes = st.Blocks*blockSize, 1
	seen := map[inode]bool{}
	err = Walk(ctx, root, func(p Place) (*os.File, error) {
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
		bytes, inodes = bytes+st.Blocks*blockSize, inodes+1
		if !isDir {
			return nil, nil
		}
		into, _ := Open(p.Dir, p.Name)
		return into, nil
	})
	if errors.Is(err, ErrMoved) {
		err = nil
	}
	return bytes, inodes, err
}
