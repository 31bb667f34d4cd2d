package logs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mctr/mctr"
)

// ReadOptions select the part of a log to read.
type ReadOptions struct {
	Follow  bool      // wait for new entries after the existing ones
	Since   time.Time // only entries of this time or later; zero: all
	Until   time.Time // only entries before this time; zero: all. Follow ends then
	Tail    int       // at most this many of the existing lines, the last ones; negative: all
	Streams Stream    // only these; 0: both
}

var (
	errEnded = errors.New("the log is complete")
	errUntil = errors.New("the requested time has passed")
)

// Read emits the entries of the log in dir, oldest first. The streams of driver raw have no common
// order: Read emits first what exists of stdout, and Tail counts each stream separately. Read works
// across rotations, beside a writer or after it. An entry with Gap set stands for files that were
// rotated away before they could be read.
//
// Without Follow, Read ends with the entries that exist when it is called. With Follow, it returns
// nil when ended is closed and everything is read, when Until has passed, or when the directory is
// removed; a nil channel never ends it. It returns an error if ctx is cancelled, and an error of
// emit, which stops it. Other errors wrap mctr.ErrNotFound if there is no log, mctr.ErrUnsupported
// for driver none, and mctr.ErrInvalid for options that the driver does not support.
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
			return fmt.Errorf("%w: since and until: logs of driver raw have no times; use driver cri", mctr.ErrInvalid)
		}
	}
	return nil
}

// wants returns true if o selects e.
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

// end returns a context that is done when a follower has to stop, and a function that frees it.
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

// run reads until stop or ctx is done or, without Follow, to the end.
func (r *reader) run(ctx, stop context.Context, d directory, cfg Config) error {
	if err := r.open(d, cfg); err != nil {
		return err
	}
	for {
		// checked before reading, so that everything written by then is read
		over := r.watch == nil || stop.Err() != nil
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

// open opens the sources with wanted streams.
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

// step lets every source read once. It returns moved if a source had something to read, and gone if
// no source can ever have more.
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
