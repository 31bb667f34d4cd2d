package shim

import (
	"context"
	"log/slog"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/engine"
)

// The pauses before the watch command runs. The first one gives the launcher time to promise that
// it cleans up. The command should not exit while the container runs; if it does, each pause is
// twice as long as the one before.
const (
	watchDelay         = 100 * time.Millisecond
	shortestWatchPause = time.Second
	longestWatchPause  = time.Minute
)

// setWatch starts or stops the watch command. The command runs while the container runs and no
// client has promised to clean up. The caller holds the lock.
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

// A watchCommand is a command that runs beside the container.
type watchCommand struct {
	argv     []string
	sessions *sessions
	log      *slog.Logger
	stop     context.CancelFunc // nil while the command is not wanted
}

// run runs the command until ctx ends, and again whenever it exits.
func (w watchCommand) run(ctx context.Context) {
	for pause := watchDelay; ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		began := time.Now()
		if err := w.runOnce(ctx); err != nil && ctx.Err() == nil {
			w.log.Error("watch the container", "error", err)
		}
		pause = nextWatchPause(pause, time.Since(began))
	}
}

// nextWatchPause returns the pause after a run of length lasted that began after pause.
func nextWatchPause(pause, lasted time.Duration) time.Duration {
	if lasted > longestWatchPause {
		return shortestWatchPause
	}
	return min(max(2*pause, shortestWatchPause), longestWatchPause)
}

// runOnce registers the command as a session, so that the reaper of orphans does not reap it.
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
