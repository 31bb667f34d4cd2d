package logs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mctr/mctr"
)

// ReadOptions say which part of a log to read.
type ReadOptions struct {
	Follow  bool      // go on with what is written from now on
	Since   time.Time // only entries of this time or later; zero: all
	Until   time.Time // only entries before this time; zero: all. Follow ends then
	Tail    int       // only so many last lines of those wanted, before what Follow brings; negative: all
	Streams Stream    // of these; 0: both
}

var (
	errEnded = errors.New("the log is complete")
	errUntil = errors.New("the time asked for has passed")
)

// Read emits the entries of the log in dir, oldest first; of driver raw, which
// has no order between its streams, first those of stdout that are there, and
// Tail counts each stream by itself. It reads across rotations, beside a writer
// or after it, and tells of files that were rotated away before it came to them
// by an entry with Gap set.
//
// Without Follow it reads what is there when it is called. With Follow it ends
// without error when ended is closed and everything is read, when Until has
// passed or when the directory is removed; nil never ends. A cancelled ctx is an
// error, as is one of emit, which stops reading. Other errors wrap
// mctr.ErrNotFound where there is no log, mctr.ErrUnsupported for driver none,
// mctr.ErrInvalid for options that the driver cannot answer.
func Read(ctx context.Context, dir string, cfg Config, o ReadOptions, ended <-chan struct{},
	emit func(Entry) error) error {
	if err := o.check(cfg); err != nil {
		return err
	}
	d, err := openDirectory(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	r := &reader{options: o, emit: emit}
	defer r.close()
	if o.Follow {
		if r.watch, err = newWatch(d); err != nil {
			return err
		}
		stop, cancel := r.end(ctx, ended)
		defer cancel()
		return r.run(ctx, stop, d, cfg.withDefaults())
	}
	return r.run(ctx, ctx, d, cfg.withDefaults())
}

func (o ReadOptions) check(cfg Config) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	switch cfg.Driver {
	case DriverNone:
		return &mctr.UnsupportedError{Feature: "logs", Why: "the container was started with log driver none"}
	case DriverRaw:
		if !o.Since.IsZero() || !o.Until.IsZero() {
			return fmt.Errorf("%w: since and until: logs of driver raw carry no times; use driver cri", mctr.ErrInvalid)
		}
	}
	return nil
}

// wants reports whether e is among what was asked for.
func (o ReadOptions) wants(e Entry) bool {
	if o.Streams != 0 && o.Streams&e.Stream == 0 {
		return false
	}
	return (o.Since.IsZero() || !e.Time.Before(o.Since)) && (o.Until.IsZero() || e.Time.Before(o.Until))
}

// A reader is one call of Read.
type reader struct {
	options ReadOptions
	emit    func(Entry) error
	sources []*source
	watch   *watch // nil without Follow
}

// end returns a context that is done when a follower is to stop, and what frees it.
func (r *reader) end(ctx context.Context, ended <-chan struct{}) (context.Context, func()) {
	stop, cancel := context.WithCancelCause(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		select {
		case <-ended:
			cancel(errEnded)
		case <-stop.Done():
		}
	})
	free := func() { cancel(nil); wg.Wait() }
	if r.options.Until.IsZero() {
		return stop, free
	}
	timed, cancelTimed := context.WithDeadlineCause(stop, r.options.Until, errUntil)
	return timed, func() { cancelTimed(); free() }
}

// run reads until stop is done (or, without Follow, to the end) or ctx is.
func (r *reader) run(ctx, stop context.Context, d directory, cfg Config) error {
	if err := r.open(d, cfg); err != nil {
		return err
	}
	for {
		over := r.watch == nil || stop.Err() != nil // asked before reading: what was written by then is read
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		moved, gone, err := r.step()
		switch {
		case err != nil:
			return err
		case moved:
			continue
		case over || gone:
			return nil
		}
		if err := r.watch.wait(stop); err != nil {
			return err
		}
	}
}

// open opens the sources that hold what is wanted.
func (r *reader) open(d directory, cfg Config) error {
	for _, name := range []string{"log", "stdout", "stderr"} {
		streams := cfg.files()[name]
		if streams == 0 || r.options.Streams != 0 && r.options.Streams&streams == 0 {
			continue
		}
		s := &source{
			dir: d, name: name, streams: streams, files: cfg.MaxFiles, follow: r.options.Follow,
			parse: newParser(cfg.Driver), emit: r.pass, block: make([]byte, blockSize),
		}
		r.sources = append(r.sources, s)
		if err := s.start(r.options); err != nil {
			return err
		}
	}
	return nil
}

// step lets every source read once. It reports whether any had something, and
// whether all are at an end beyond which nothing can come.
func (r *reader) step() (moved, gone bool, err error) {
	gone = true
	for _, s := range r.sources {
		m, g, err := s.step()
		if err != nil {
			return false, false, err
		}
		moved, gone = moved || m, gone && g
	}
	return moved, gone, nil
}

// pass emits e if it is wanted.
func (r *reader) pass(e Entry) error {
	if !e.Gap && !r.options.wants(e) {
		return nil
	}
	return r.emit(e)
}

func (r *reader) close() {
	for _, s := range r.sources {
		s.close()
	}
	r.watch.close()
}
