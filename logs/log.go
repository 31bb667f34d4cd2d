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

// batchSize is the most that is written at once; it is enough for several lines of the greatest
// length.
const batchSize = 1 << 20

// A Log writes the output of a container. Its methods are safe for concurrent use.
type Log struct {
	dir     directory
	enc     encoder // of the batch; nil for drivers raw and none
	markEnc encoder // for marks, which are written in the middle of a batch
	parse   func(line []byte) (Entry, error)
	streams map[Stream]*stream

	mu    sync.Mutex // guards the fields below and the order of the lines
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

// Stats counts captured output. Bytes includes Dropped.
type Stats struct {
	Lines   int64 // newlines that the container printed
	Bytes   int64 // bytes that the container printed
	Dropped int64 // bytes that could not be written to the log
	Removed int64 // bytes of the log that rotation removed since Open
	Err     error // the latest reason why bytes were dropped; nil: none were
}

// Open opens a log for writing, in dir, which it makes with mode 0700 if it is missing; the parent
// of dir must exist. It appends to the log of an earlier Log. There must be only one writer. The
// error wraps mctr.ErrInvalid if the Config is not valid, or if dir or a file is a symbolic link.
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

// AddTee passes every byte of stream s that is captured from now on to w, in order, and closes w
// after the last byte or after a Write that failed; neither affects the log. It may precede
// Capture. The error wraps mctr.ErrState if the stream has ended.
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

// RemoveTee detaches t: it discards the bytes that wait for t's writer and closes the writer. A
// Write in progress may still finish.
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

// Close ends running captures (see Capture.Drain), writes what is left and closes the files.
// Dropped bytes are not an error: Stats, which stays valid, counts them. A second Close does
// nothing.
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

// write logs data, of which the last fresh bytes are new. It returns the number of bytes at the end
// that it did not log, because they are the start of a line; if last is set, it logs these too.
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

// idle returns the memory of the batch.
func (l *Log) idle() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.out.release()
}

// payload returns the number of the task's bytes in framed lines.
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

// mark returns the line of the log that reports a loss.
func (l *Log) mark(lost int64, cause error) []byte {
	text := fmt.Appendf(nil, "mctr: %d bytes of log dropped: %s", lost, reason(cause))
	if l.enc == nil {
		return fmt.Appendf(nil, "\n%s\n", text)
	}
	l.markEnc.begin(time.Now(), Stderr)
	return l.markEnc.appendLine(nil, piece{text: text})
}
