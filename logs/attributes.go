package logs

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// removedAttr is the extended attribute of the newest file that says how many bytes of
// the log rotation removed, ever: one that was cut must not look like a whole one.
const removedAttr = "user.mctr.removed"

// sequenceAttr is the extended attribute that counts the files of a log from 1.
const sequenceAttr = "user.mctr.seq"

func writeRemoved(f *os.File, n int64) {
	if n > 0 {
		_ = unix.Fsetxattr(int(f.Fd()), removedAttr, strconv.AppendInt(nil, n, 10), 0)
	}
}

// readRemoved returns the count of removed bytes in f, or 0.
func readRemoved(f *os.File) int64 { return int64(readCount(f, removedAttr)) }

// writeSequence marks f as the n-th file. Where the file system keeps no
// attributes, readers that were overtaken cannot tell whether they missed a file.
func writeSequence(f *os.File, n uint64) {
	_ = unix.Fsetxattr(int(f.Fd()), sequenceAttr, strconv.AppendUint(nil, n, 10), 0)
}

// readSequence returns the sequence number of f, or 0 if f has none.
func readSequence(f *os.File) uint64 { return readCount(f, sequenceAttr) }

// readCount returns the number in an extended attribute of f, or 0 if it has none.
func readCount(f *os.File, attr string) uint64 {
	var b [20]byte
	n, err := unix.Fgetxattr(int(f.Fd()), attr, b[:])
	if err != nil {
		return 0
	}
	count, err := strconv.ParseUint(string(b[:n]), 10, 63)
	if err != nil {
		return 0
	}
	return count
}

// sizeOf is 0 where there is no such file.
func (f *file) sizeOf(name string) int64 {
	st, err := f.dir.stat(name)
	if err != nil {
		return 0
	}
	return st.Size
}
