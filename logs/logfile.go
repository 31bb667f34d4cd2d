package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// A file is a log file being written, with its rotated predecessors.
type file struct {
	dir     directory
	name    string
	max     int64 // bytes; negative: no limit
	keep    int   // files, this one included
	lines   bool  // lines are never split between files or left torn
	f       *os.File
	size    int64
	seq     uint64 // counts rotations
	torn    bool   // part of a line, from a failed write, lies beyond size
	lost    int64  // bytes of the task that were not written and that no mark has reported yet
	cause   error  // why they were not written
	dropped int64  // bytes of the task that were not written, in total
	removed int64  // bytes of files that rotation removed
	past    int64  // bytes that rotation by earlier writers removed

	payload func(framed []byte) int64            // returns the number of the task's bytes in lines
	mark    func(lost int64, cause error) []byte // returns the line that reports a loss
}

// errTorn is the reason for bytes lost when a writer died.
var errTorn = errors.New("the previous writer died within a line")

// openFile opens the file for appending and cuts off a torn last line.
func openFile(dir directory, name string, cfg Config) (*file, error) {
	f := &file{dir: dir, name: name, max: cfg.MaxSize, keep: cfg.MaxFiles, lines: cfg.Driver != DriverRaw}
	if err := f.tidy(); err != nil {
		return nil, err
	}
	var err error
	if f.f, err = dir.open(name, os.O_RDWR|os.O_CREATE|os.O_APPEND); err != nil {
		return nil, err
	}
	if err = f.resume(); err != nil {
		_ = f.f.Close()
		return nil, err
	}
	return f, nil
}

// resume restores the state of the previous writer.
func (f *file) resume() error {
	st, err := f.f.Stat()
	if err != nil {
		return fmt.Errorf("resume log: %w", err)
	}
	f.size = st.Size()
	f.seq, f.past = readSequence(f.f), readRemoved(f.f)
	if f.seq == 0 {
		f.seq, f.past = f.previous()
		f.seq++
		writeSequence(f.f, f.seq)
	}
	writeRemoved(f.f, f.past+f.removed)
	if !f.lines || f.size == 0 {
		return nil
	}
	torn, err := tornBytes(f.f, f.size)
	if err != nil || torn == 0 {
		return err
	}
	f.size -= torn
	f.lost, f.dropped, f.cause, f.torn = torn, torn, errTorn, true
	return nil
}

// tornBytes returns the number of bytes after the last newline of f.
func tornBytes(f *os.File, size int64) (int64, error) {
	block := make([]byte, 4<<10)
	for end := size; end > 0; {
		start := max(0, end-int64(len(block)))
		n, err := f.ReadAt(block[:end-start], start)
		if err != nil && err != io.EOF {
			return 0, fmt.Errorf("resume log: %w", err)
		}
		if i := bytes.LastIndexByte(block[:n], '\n'); i >= 0 {
			return size - start - int64(i) - 1, nil
		}
		end = start
	}
	return size, nil
}

// write writes p, which is framed, or counts what it could not write.
func (f *file) write(p []byte) {
	err := f.untear()
	if err == nil && f.lost > 0 {
		err = f.writeMark()
	}
	if err == nil {
		p, err = f.put(p)
	}
	if err != nil {
		n := f.payload(p)
		f.lost += n
		f.dropped += n
		f.cause = err
	}
}

// untear cuts off the partial line of a failed write.
func (f *file) untear() error {
	if !f.torn {
		return nil
	}
	err := f.f.Truncate(f.size)
	f.torn = err != nil
	return err
}

// writeMark reports the loss in the log.
func (f *file) writeMark() error {
	_, err := f.put(f.mark(f.lost, f.cause))
	if err == nil {
		f.lost = 0
	}
	return err
}

// put writes p into this file and its successors. On an error it returns the rest that is not
// written.
func (f *file) put(p []byte) (rest []byte, err error) {
	for len(p) > 0 {
		n := f.fit(p)
		if n == 0 {
			if f.rotate() == nil {
				continue
			}
			n = len(p) // an oversized file is better than a loss
		}
		kept, err := f.append(p[:n])
		p = p[kept:]
		if err != nil {
			return p, err
		}
	}
	return nil, nil
}

// fit returns how many bytes of p belong in this file; 0: rotate first.
func (f *file) fit(p []byte) int {
	room := f.max - f.size
	if f.max < 0 || int64(len(p)) <= room {
		return len(p)
	}
	room = max(room, 0)
	if n := bytes.LastIndexByte(p[:room], '\n') + 1; n > 0 || f.size > 0 {
		return n
	}
	if f.lines {
		return bytes.IndexByte(p, '\n') + 1
	}
	return int(room)
}

// append writes p at the end and returns how many bytes of it are there to stay.
func (f *file) append(p []byte) (int, error) {
	n, err := f.f.Write(p)
	if err != nil && f.lines {
		whole := bytes.LastIndexByte(p[:n], '\n') + 1
		f.torn, n = whole < n, whole
	}
	f.size += int64(n)
	if err != nil {
		_ = f.untear() // retried before the next write
	}
	return n, err
}

// close reports a last loss and closes the file.
func (f *file) close() error {
	if f.lost > 0 && f.untear() == nil {
		_ = f.writeMark() // the count stays in dropped
	}
	return f.f.Close()
}

// reason returns the kernel's message in cause, without the path.
func reason(cause error) string {
	if errno, ok := errors.AsType[unix.Errno](cause); ok {
		return errno.Error()
	}
	return cause.Error()
}
