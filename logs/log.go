package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/mctr/mctr"
)

// batchSize is how much is written at once, at most; it holds several lines of
// the greatest length.
const batchSize = 1 << 20

// A Log writes what a container prints. Its methods may be called at any time
// from several goroutines.
type Log struct {
	dir     directory
	enc     encoder // of the batch; nil for drivers raw and none
	markEnc encoder // of marks, which come in the middle of a batch
	parse   func(line []byte) (Entry, error)
	streams map[Stream]*stream

	mu    sync.Mutex // guards what follows and the order of the lines
	out   buffer     // a batch of framed lines
	files []*file
	stats Stats
	done  bool
}

// A stream is one output of the container.
type stream struct {
	name    Stream
	file    *file // nil for driver none
	tees    tees
	capture *Capture // nil until captured; guarded by Log.mu
}

// Stats counts what was captured. Dropped bytes count in Bytes too.
type Stats struct {
	Lines   int64 // newlines that the container printed
	Bytes   int64 // bytes that the container printed
	Dropped int64 // bytes that could not be written to the log
	Removed int64 // bytes of the log that rotation removed since Open
	Err     error // why, the latest reason; nil: nothing was dropped
}

// Open opens a log for writing, in dir, which it makes with mode 0700 where it
// is missing (its parent must exist). It appends to what an earlier Log left. There
// must be one writer only. Errors wrap mctr.ErrInvalid for a Config that cannot
// be meant and for symbolic links in the place of dir or a file.
func Open(dir string, cfg Config) (*Log, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	d, err := makeDirectory(dir)
	if err != nil {
		return nil, err
	}
	l := &Log{dir: d, streams: map[Stream]*stream{Stdout: {name: Stdout}, Stderr: {name: Stderr}}}
	if err := l.open(cfg); err != nil {
		return nil, errors.Join(err, l.closeFiles())
	}
	return l, nil
}

func (l *Log) open(cfg Config) (err error) {
	l.enc, l.markEnc = newEncoder(cfg.Driver), newEncoder(cfg.Driver)
	l.parse = newParser(cfg.Driver)
	if l.out, err = newBuffer(batchSize); err != nil {
		return err
	}
	for name, streams := range cfg.files() {
		f, err := openFile(l.dir, name, cfg)
		if err != nil {
			return err
		}
		f.payload, f.mark = l.payload, l.mark
		l.files = append(l.files, f)
		for s, st := range l.streams {
			if streams&s != 0 {
				st.file = f
			}
		}
	}
	return nil
}

// AddTee passes every byte of stream s that is captured from now on to w, in
// order, and closes w after the last one or after a Write that failed; neither
// hinders the log. It may come before Capture. The error wraps mctr.ErrState
// when the stream has ended.
func (l *Log) AddTee(s Stream, w io.WriteCloser, opts TeeOptions) (*Tee, error) {
	st, err := l.stream(s)
	if err != nil {
		return nil, err
	}
	t := newTee(w, opts)
	if !st.tees.add(t) {
		t.end(true)
		return nil, fmt.Errorf("%w: attach to %s: the stream has ended", mctr.ErrState, s)
	}
	return t, nil
}

// RemoveTee detaches t: nothing further is given to it, what waits is
// discarded and its writer is closed. A Write under way may still finish.
func (l *Log) RemoveTee(t *Tee) {
	for _, st := range l.streams {
		st.tees.remove(t)
	}
	t.end(true)
}

// Stats returns the counts so far.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stats
	for _, f := range l.files {
		s.Dropped += f.dropped
		s.Removed += f.removed
		if f.dropped > 0 {
			s.Err = f.cause
		}
	}
	return s
}

// Close ends the captures that still run (see Capture.Drain), writes what is
// left and closes the files. Bytes that were dropped are no error here: see
// Stats, which stays valid. A second Close does nothing.
func (l *Log) Close() error {
	for _, st := range l.streams {
		l.mu.Lock()
		c := st.capture
		l.mu.Unlock()
		if c != nil {
			c.Drain(0)
		}
		st.tees.end()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done {
		return nil
	}
	l.done = true
	return l.closeFiles()
}

func (l *Log) closeFiles() error {
	var errs []error
	for _, f := range l.files {
		errs = append(errs, f.close())
	}
	l.out.free()
	l.out = nil
	return errors.Join(append(errs, l.dir.Close())...)
}

func (l *Log) stream(s Stream) (*stream, error) {
	st := l.streams[s]
	if st == nil {
		return nil, fmt.Errorf("%w: log %s: want stdout or stderr", mctr.ErrInvalid, s)
	}
	return st, nil
}

// write logs data, whose last fresh bytes are new, and says how many bytes at
// its end it left: the start of a line, of which there are none where last is set.
func (l *Log) write(st *stream, data []byte, fresh int, last bool) (left int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.Bytes += int64(fresh)
	l.stats.Lines += int64(bytes.Count(data[len(data)-fresh:], newline))
	switch {
	case l.enc != nil:
		return l.writeLines(st, data, last)
	case st.file != nil && len(data) > 0:
		st.file.write(data)
	}
	return 0
}

var newline = []byte{'\n'}

func (l *Log) writeLines(st *stream, data []byte, last bool) (left int) {
	l.enc.begin(time.Now(), st.name)
	batch := l.out[:0]
	for len(data) > 0 {
		p, n := split(data)
		if n == 0 && !last {
			break
		}
		if n == 0 {
			p, n = piece{data, true}, len(data)
		}
		if len(batch)+l.enc.worst(len(p.text)) > cap(batch) {
			st.file.write(batch)
			batch = batch[:0]
		}
		batch = l.enc.appendLine(batch, p)
		data = data[n:]
	}
	if len(batch) > 0 {
		st.file.write(batch)
	}
	return len(data)
}

// idle gives memory back.
func (l *Log) idle() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.out.release()
}

// payload counts the bytes of the task in framed lines.
func (l *Log) payload(framed []byte) (n int64) {
	if l.enc == nil {
		return int64(len(framed))
	}
	for line := range bytes.Lines(framed) {
		if e, err := l.parse(bytes.TrimSuffix(line, newline)); err == nil {
			n += e.size()
		}
	}
	return n
}

// mark is the line of the log that tells of a loss.
func (l *Log) mark(lost int64, cause error) []byte {
	text := fmt.Appendf(nil, "mctr: %d bytes of log dropped: %s", lost, reason(cause))
	if l.enc == nil {
		return fmt.Appendf(nil, "\n%s\n", text)
	}
	l.markEnc.begin(time.Now(), Stderr)
	return l.markEnc.appendLine(nil, piece{text: text})
}
