package logs

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// removedAttr is the extended attribute of the newest file that counts the bytes of the log that
// rotation removed, ever: a reader must be able to tell a truncated log from a complete one.
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

// writeSequence marks f as the n-th file of a log. On a file system without extended attributes, a
// reader that rotation overtook cannot tell whether it missed a file.
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

// sizeOf returns the size of a file, and 0 if the file does not exist.
func (f *file) sizeOf(name string) int64 {
	st, err := f.dir.stat(name)
	if err != nil {
		return 0
	}
	return st.Size
}
