package tarfs

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/saferoot"
)

// applyHeader sets the owner, attributes, mode and time of f, which may be open with O_PATH, to
// those in h. It sets the mode after the owner, whose change clears mode bits.
func applyHeader(f *os.File, h *tar.Header) error {
	if err := unix.Fchownat(int(f.Fd()), "", h.Uid, h.Gid, unix.AT_EMPTY_PATH); err != nil {
		return fmt.Errorf("set the owner: %w", err)
	}
	for key, value := range h.PAXRecords {
		name, ok := strings.CutPrefix(key, paxXattr)
		if !ok {
			continue
		}
		if err := unix.Setxattr(saferoot.Path(f), name, []byte(value), 0); err != nil && !errors.Is(err, unix.ENOTSUP) {
			return fmt.Errorf("set attribute %.100q: %w", name, err)
		}
	}
	if err := unix.Fchmodat(unix.AT_FDCWD, saferoot.Path(f), uint32(h.Mode)&0o7777, 0); err != nil {
		return fmt.Errorf("set the mode: %w", err)
	}
	return setTime(unix.AT_FDCWD, saferoot.Path(f), h.ModTime, 0)
}

// setTime sets the time of name in dir.
func setTime(dir int, name string, modified time.Time, flags int) error {
	at := unix.NsecToTimespec(modified.UnixNano())
	if err := unix.UtimesNanoAt(dir, name, []unix.Timespec{at, at}, flags); err != nil {
		return fmt.Errorf("set the time: %w", err)
	}
	return nil
}

// holeSize is the number of zeros that become a hole.
const holeSize = 64 << 10

var zeros [holeSize]byte

// fill writes size bytes of content to f, which is empty.
func fill(f *os.File, content io.Reader, size int64) error {
	buf := make([]byte, min(holeSize, size))
	for at := int64(0); at < size; {
		n, err := io.ReadFull(content, buf[:min(int64(len(buf)), size-at)])
		if err != nil {
			return fmt.Errorf("read the archive: %w", invalid(err))
		}
		if !bytes.Equal(buf[:n], zeros[:n]) {
			if _, err := f.WriteAt(buf[:n], at); err != nil {
				return err
			}
		}
		at += int64(n)
	}
	return f.Truncate(size)
}
