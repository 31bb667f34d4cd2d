package logs

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// A segment is one file of a log, open for reading. While it is open, its inode number is not
// reused.
type segment struct {
	f     *os.File
	inode uint64
	seq   uint64 // number of the file in the log's history; 0: unknown
	size  int64  // when it was opened
	mtime unix.Timespec
}

// openChain opens all files of a log, oldest first.
func openChain(d directory, name string, files int) ([]*segment, error) {
	for {
		before, _ := d.stat(name)
		chain, err := scan(d, name, files)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(chain, func(s *segment) bool { return s.seq == 0 }) {
			slices.SortFunc(chain, func(a, b *segment) int { return cmp.Compare(a.seq, b.seq) })
			return chain, nil
		}
		// without a rotation in between, the order of names is the order of age
		if after, _ := d.stat(name); before.Ino == after.Ino {
			slices.Reverse(chain)
			return chain, nil
		}
		closeAll(chain)
	}
}

// scan opens the files from the newest to the oldest while a writer renames them in the opposite
// order. So it may find a file that moves twice, or files newer than the first one it found, but it
// misses no file that is older than one it found.
func scan(d directory, name string, files int) (chain []*segment, err error) {
	for n := range files {
		s, err := openSegment(d, fileName(name, n))
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		if err != nil {
			closeAll(chain)
			return nil, err
		}
		if slices.ContainsFunc(chain, func(o *segment) bool { return o.inode == s.inode }) {
			s.close()
			continue
		}
		chain = append(chain, s)
	}
	return chain, nil
}

func openSegment(d directory, name string) (*segment, error) {
	f, err := d.open(name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("stat %s: %w", f.Name(), err)
	}
	return &segment{f: f, inode: st.Ino, seq: readSequence(f), size: st.Size, mtime: st.Mtim}, nil
}

func (s *segment) close() { _ = s.f.Close() }

func closeAll(chain []*segment) {
	for _, s := range chain {
		s.close()
	}
}
