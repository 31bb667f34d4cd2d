package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"
)

// blockSize is the number of bytes that one read requests. A block holds a line of the greatest
// length.
const blockSize = 256 << 10

// A source reads one log file with its rotated predecessors and its successors.
type source struct {
	dir     directory
	name    string
	files   int
	follow  bool
	streams Stream
	parse   func(line []byte) (Entry, error) // nil: lines are the task's own
	emit    func(Entry) error

	queue []*segment // files to read, oldest first; the first is being read
	last  *segment   // the file that was read to its end and rotated, until its successor is found
	off   int64      // offset in queue[0]
	block []byte
}

// start opens the existing files and goes to the position where reading begins.
func (s *source) start(o ReadOptions) (err error) {
	if s.queue, err = openChain(s.dir, s.name, s.files); err != nil {
		return err
	}
	removed := int64(0)
	if len(s.queue) > 0 {
		removed = readRemoved(s.queue[len(s.queue)-1].f)
	}
	if !o.Since.IsZero() && s.skipBefore(o.Since) {
		removed = 0 // the requested part begins later
	}
	if o.Tail >= 0 {
		found, err := s.seekTail(o)
		if err != nil {
			return err
		}
		if found {
			removed = 0
		}
	}
	if removed == 0 {
		return nil
	}
	return s.emit(Entry{Stream: s.streams, Gap: true, Removed: removed})
}

// skipBefore skips files whose last line is older than t, and returns true if the log begins before
// t. The clock for the times of files runs a few milliseconds behind the clock for lines.
func (s *source) skipBefore(t time.Time) (before bool) {
	for len(s.queue) > 1 && time.Unix(s.queue[0].mtime.Unix()).Add(time.Second).Before(t) {
		s.pop()
		before = true
	}
	return before || s.beginsBefore(t)
}

// beginsBefore returns true if the first existing line is older than t.
func (s *source) beginsBefore(t time.Time) bool {
	if s.parse == nil || len(s.queue) == 0 {
		return false
	}
	n, _ := s.queue[0].f.ReadAt(s.block, 0)
	line, _, whole := bytes.Cut(s.block[:n], newline)
	if !whole {
		return false
	}
	e, err := s.parse(line)
	return err == nil && e.Time.Before(t)
}

func (s *source) pop() {
	s.queue[0].close()
	s.queue, s.off = s.queue[1:], 0
}

// step emits the entries of one block. It returns moved if it made progress, and gone if there can
// never be more to read.
func (s *source) step() (moved, gone bool, err error) {
	if len(s.queue) == 0 {
		return s.refill()
	}
	// checked before reading: if true, the file does not grow any more
	rotated := len(s.queue) > 1 || !s.follow || !s.newest(s.queue[0])
	n, err := s.read()
	if n > 0 || err != nil {
		return true, false, err
	}
	if !rotated {
		return false, false, nil
	}
	if len(s.queue) > 1 || !s.follow {
		s.pop()
		return true, false, nil
	}
	s.last, s.queue, s.off = s.queue[0], nil, 0
	return true, false, nil
}

// newest returns true if g is the file that is being written.
func (s *source) newest(g *segment) bool {
	st, err := s.dir.stat(s.name)
	return err == nil && st.Ino == g.inode
}

// refill opens the files that followed the last one read.
func (s *source) refill() (moved, gone bool, err error) {
	if !s.follow {
		return false, true, nil
	}
	chain, err := openChain(s.dir, s.name, s.files)
	if err != nil {
		return false, false, err
	}
	chain, gap := s.after(chain)
	if len(chain) == 0 {
		return false, s.dir.removed(), nil
	}
	if gap {
		if err := s.emit(Entry{Stream: s.streams, Gap: true}); err != nil {
			closeAll(chain)
			return false, false, err
		}
	}
	s.closeLast()
	s.queue = chain
	return true, false, nil
}

// after returns the part of chain that follows the last file read, and whether files between the
// two may be missing.
func (s *source) after(chain []*segment) (rest []*segment, gap bool) {
	if s.last == nil {
		return chain, false
	}
	for i, g := range chain {
		if g.inode == s.last.inode {
			closeAll(chain[:i+1])
			return chain[i+1:], false
		}
	}
	return chain, len(chain) > 0 && (s.last.seq == 0 || chain[0].seq != s.last.seq+1)
}

// read emits the whole lines of the next block. If it has none, and lines are the task's own or the
// block is full, it emits the block. It returns the number of bytes emitted.
func (s *source) read() (int, error) {
	g := s.queue[0]
	block := s.block
	if !s.follow {
		block = block[:max(0, min(int64(len(block)), g.size-s.off))] // output since the call was not requested
	}
	n, err := g.f.ReadAt(block, s.off)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("read log: %w", err)
	}
	used, err := s.lines(block[:n])
	if used == 0 && err == nil && (s.parse == nil || n == len(s.block)) {
		used, err = s.fragment(block[:n])
	}
	s.off += int64(used)
	return used, err
}

// lines emits the whole lines of block and returns their length.
func (s *source) lines(block []byte) (used int, err error) {
	for {
		n := bytes.IndexByte(block[used:], '\n')
		if n < 0 {
			return used, nil
		}
		if err := s.emit(s.entry(block[used : used+n])); err != nil {
			return used, err
		}
		used += n + 1
	}
}

// entry parses a line. A line that does not have the driver's form was not written by this package
// and is returned unchanged.
func (s *source) entry(line []byte) Entry {
	if s.parse != nil {
		if e, err := s.parse(line); err == nil {
			return e
		}
	}
	return Entry{Stream: s.foreign(), Text: line}
}

func (s *source) foreign() Stream {
	if s.streams == Stdout {
		return Stdout
	}
	return Stderr
}

// fragment emits a text that is not a whole line.
func (s *source) fragment(text []byte) (int, error) {
	if len(text) == 0 {
		return 0, nil
	}
	return len(text), s.emit(Entry{Stream: s.foreign(), Text: text, Partial: true})
}

func (s *source) closeLast() {
	if s.last != nil {
		s.last.close()
		s.last = nil
	}
}

func (s *source) close() {
	closeAll(s.queue)
	s.closeLast()
}
