package shim

import (
	"context"
	"log/slog"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/engine"
)

// The time before the watch command runs: who launched the container may be about to
// stay with it. And between its end, which should not come, and its next run: twice as
// long each time that it came at once.
const (
	watchSoon  = 100 * time.Millisecond
	watchAgain = time.Second
	watchMost  = time.Minute
)

// setWatch sees to it that the watch command runs while the container does and no
// client stays with it. The caller holds the lock.
func (s *Shim) setWatch() {
	running := s.phase == mctr.Running || s.phase == mctr.Paused
	wanted := running && s.cleaners == 0 && len(s.create.Watch) > 0
	switch {
	case wanted && s.watch.stop == nil:
		ctx, cancel := context.WithCancel(context.Background())
		s.watch = watchCommand{argv: s.create.Watch, sessions: &s.sessions, log: s.log, stop: cancel}
		go s.watch.run(ctx)
	case !wanted && s.watch.stop != nil:
		s.watch.stop()
		s.watch = watchCommand{}
	}
}

// A watchCommand is the command that runs beside the container.
type watchCommand struct {
	argv     []string
	sessions *sessions
	log      *slog.Logger
	stop     context.CancelFunc // nil: it does not run
}

// run runs the command, again when it has ended.
func (w watchCommand) run(ctx context.Context) {
	for pause := watchSoon; ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		began := time.Now()
		if err := w.runOnce(ctx); err != nil && ctx.Err() == nil {
			w.log.Error("watch the container", "error", err)
		}
		pause = watchNext(pause, time.Since(began))
	}
}

// watchNext is the pause after a run that lasted so long, and the pause before it.
func watchNext(pause, lasted time.Duration) time.Duration {
	if lasted > watchMost {
		return watchAgain
	}
	return min(max(2*pause, watchAgain), watchMost)
}

// runOnce makes a session of the command, so that the reaper of orphans leaves it alone.
func (w watchCommand) runOnce(ctx context.Context) error {
	cmd := hostCommand(ctx, w.argv)
	_, done, err := w.sessions.begin(func() (*engine.Process, error) {
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		return &engine.Process{Pid: cmd.Process.Pid}, nil
	})
	if err != nil {
		return err
	}
	defer done()
	return cmd.Wait()
}
