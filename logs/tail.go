package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// seekTail goes to the first of the last o.Tail wanted lines. It reads from the end, across as many
// files as necessary. Consecutive pieces of a long line count as one line. It returns true if there
// are enough lines.
func (s *source) seekTail(o ReadOptions) (enough bool, err error) {
	t := &tail{want: o.Tail, wants: o.wants, entry: s.entry, open: Stdout | Stderr}
	for i := len(s.queue) - 1; i >= 0; i-- {
		at, found, err := t.search(s.queue[i], s.parse == nil)
		if err != nil {
			return false, err
		}
		if found {
			for range i {
				s.pop()
			}
			s.off = at
			return true, nil
		}
	}
	return t.want <= 0, nil
}

// A tail counts lines backwards.
type tail struct {
	want  int
	wants func(Entry) bool
	entry func(line []byte) Entry
	open  Stream // streams without an entry so far: their last entry may be an unfinished line
}

// search looks for the position in g where the wanted lines begin; found is false if they begin
// before g.
func (t *tail) search(g *segment, fragments bool) (at int64, found bool, err error) {
	end, rest := g.size, []byte(nil) // rest: the bytes between the block and the line after it
	for end > 0 {
		start := max(0, end-blockSize/4)
		block := make([]byte, end-start, end-start+int64(len(rest)))
		if n, err := g.f.ReadAt(block, start); err != nil && !(errors.Is(err, io.EOF) && n == len(block)) {
			return 0, false, fmt.Errorf("read log: %w", err)
		}
		block = append(block, rest...)
		for {
			i := bytes.LastIndexByte(block[:max(0, len(block)-1)], '\n') + 1
			if i == 0 && start > 0 {
				break
			}
			if t.passes(block[i:], fragments) {
				return start + int64(len(block)), true, nil
			}
			if block = block[:i]; i == 0 {
				break
			}
		}
		end, rest = start, block
	}
	return 0, false, nil
}

// passes counts line and returns true if it is one more than wanted. A line without a newline is
// incomplete and does not count, unless lines are the task's own.
func (t *tail) passes(line []byte, fragments bool) bool {
	text, whole := bytes.CutSuffix(line, newline)
	if len(line) == 0 || !whole && !fragments {
		return false
	}
	e := t.entry(text)
	e.Partial = e.Partial || !whole
	if !t.wants(e) {
		return false
	}
	if !e.Partial || t.open&e.Stream != 0 {
		t.want--
	}
	t.open &^= e.Stream
	return t.want < 0
}
