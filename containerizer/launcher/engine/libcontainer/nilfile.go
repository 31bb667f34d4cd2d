package libcontainer

import (
	"io"
	"os"
)

// reader and writer keep a nil file from becoming a non-nil interface, which
// os/exec would take for a stream to copy.
func reader(f *os.File) io.Reader {
	if f == nil {
		return nil
	}
	return f
}

func writer(f *os.File) io.Writer {
	if f == nil {
		return nil
	}
	return f
}
