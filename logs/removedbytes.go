package logs

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// removedAttr is the extended attribute of the newest file that says how many bytes of
// the log rotation removed, ever: one that was cut must not look like a whole one.
const removedAttr = "user.mctr.removed"

func writeRemoved(f *os.File, n int64) {
	if n > 0 {
		_ = unix.Fsetxattr(int(f.Fd()), removedAttr, strconv.AppendInt(nil, n, 10), 0)
	}
}

// readRemoved is 0 where f does not say.
func readRemoved(f *os.File) int64 {
	var b [20]byte
	n, err := unix.Fgetxattr(int(f.Fd()), removedAttr, b[:])
	if err != nil {
		return 0
	}
	removed, err := strconv.ParseInt(string(b[:n]), 10, 64)
	if err != nil {
		return 0
	}
	return removed
}

// sizeOf is 0 where there is no such file.
func (f *file) sizeOf(name string) int64 {
	st, err := f.dir.stat(name)
	if err != nil {
		return 0
	}
	return st.Size
}
