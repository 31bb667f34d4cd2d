package shim

import (
	"context"
	"os/exec"
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
	case wanted && s.unwatch == nil:
		ctx, cancel := context.WithCancel(context.Background())
		s.unwatch = cancel
		go s.watch(ctx, s.create.Watch)
	case !wanted && s.unwatch != nil:
		s.unwatch()
		s.unwatch = nil
	}
}

// watch runs the command, again when it has ended.
func (s *Shim) watch(ctx context.Context, argv []string) {
	for pause := watchSoon; ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		began := time.Now()
		if err := s.watchOnce(ctx, argv); err != nil && ctx.Err() == nil {
			s.log.Error("watch the container", "error", err)
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

// watchOnce is a session, so that the reaper of orphans leaves the command alone.
func (s *Shim) watchOnce(ctx context.Context, argv []string) error {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	onHost(cmd)
	_, done, err := s.sessions.begin(func() (*engine.Process, error) {
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
