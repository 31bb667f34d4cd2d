package supervise

import (
	"context"
	"sync"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// Runs hand the streams of a container's restarts to a caller that follows the container in
// the foreground: the next run begins once the caller has asked for it by [Runs.Next], when
// it has read all of the run before.
type Runs struct {
	// Attach is what each run is attached with.
	Attach wire.Attach
	// Size returns the terminal's first size in the next run; nil: any.
	Size func() *wire.Size
	// Restarting is called before each attempt to start the container, with its last exit,
	// and Failed with the error of an attempt that another one follows. Both may be nil.
	Restarting func(*mctr.Termination)
	Failed     func(error)

	once    sync.Once
	asked   chan struct{}         // gets a value when the caller wants the next run
	streams chan *launcher.Stream // of the runs
	stopped chan struct{}         // closed when the caller wants no more runs
	ended   chan struct{}         // closed when the policy asks for no more runs
	stop    sync.Once
	finish  sync.Once
}

func (r *Runs) init() {
	r.once.Do(func() {
		r.asked, r.streams = make(chan struct{}), make(chan *launcher.Stream)
		r.stopped, r.ended = make(chan struct{}), make(chan struct{})
	})
}

// Next returns the streams of the next run, nil if no run follows: the restart policy asks
// for none, or another process started the container, stopped or removed it. The end of ctx
// is that of the wish for more runs, as [Runs.Stop].
func (r *Runs) Next(ctx context.Context) *launcher.Stream {
	r.init()
	select {
	case r.asked <- struct{}{}:
	case <-r.ended:
		return nil
	case <-ctx.Done():
		r.Stop()
		return nil
	}
	select {
	case stream := <-r.streams:
		return stream
	case <-r.ended:
	case <-ctx.Done():
		r.Stop()
	}
	return nil
}

// Stop says that the caller wants no further run. It is idempotent.
func (r *Runs) Stop() {
	r.init()
	r.stop.Do(func() { close(r.stopped) })
}

// Deliver gives the caller the stream of a run that has begun. Where the caller has left,
// it closes the stream.
func (r *Runs) Deliver(ctx context.Context, stream *launcher.Stream) {
	r.init()
	select {
	case r.streams <- stream:
		return
	case <-r.stopped:
	case <-ctx.Done():
	}
	_ = stream.Close()
}

// end says that no run follows.
func (r *Runs) end() {
	if r != nil {
		r.init()
		r.finish.Do(func() { close(r.ended) })
	}
}

// unwanted returns true if the caller wants no more runs.
func (r *Runs) unwanted() bool {
	if r == nil {
		return false
	}
	r.init()
	select {
	case <-r.stopped:
		return true
	default:
		return false
	}
}

// whileWanted returns a context that ends with ctx, or when the caller wants no more runs.
func (r *Runs) whileWanted(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	if r == nil {
		return ctx, cancel
	}
	r.init()
	go func() {
		select {
		case <-r.stopped:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// awaitCaller waits until the caller asks for the next run, and returns false if it wants none.
func (r *Runs) awaitCaller(ctx context.Context) bool {
	if r == nil {
		return true
	}
	select {
	case <-r.asked:
		return true
	case <-ctx.Done():
		return false
	}
}

func (r *Runs) restarting(last *mctr.Termination) {
	if r != nil && r.Restarting != nil {
		r.Restarting(last)
	}
}

func (r *Runs) failed(err error) {
	if r != nil && r.Failed != nil {
		r.Failed(err)
	}
}
