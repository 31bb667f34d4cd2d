package session

import (
	"context"
	"fmt"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/cmd/mctr/internal/flags"
	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/internal/visible"
)

// followRestarts makes the session follow the restart policy of its container. It does nothing for a
// container of an agent, because the agent follows the policy.
func (s *Session) followRestarts() {
	if _, local := s.containers.(agent.LocalContainers); !local || s.flags.Detach {
		return
	}
	s.runs = &containerizer.Runs{
		Attach: *s.attachment(),
		Size: func() *wire.Size {
			if size, ok := s.Terminal.Size(); ok {
				return &size
			}
			return nil
		},
		Restarting: func(t *mctr.Termination) { s.say("%s, exit code %d: restarting it", t.Reason, t.ExitCode) },
		Failed:     func(err error) { s.say("restarting it failed: %v", err) },
	}
}

// nextRun returns the streams of the container's next run. It returns nil if there is none: the policy
// does not restart the container, or the user has asked for its end, has detached, or has stopped it
// with another command.
func (s *Session) nextRun(ctx context.Context) *launcher.Stream {
	if s.runs == nil {
		return nil
	}
	wanted, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		defer cancel()
		select {
		case <-s.over:
		case <-s.detached:
		case sig := <-s.left:
			s.left <- sig
		case <-wanted.Done():
		}
	}()
	stream := s.runs.Next(wanted)
	if stream == nil {
		if now, err := s.containers.Status(ctx, s.id); err == nil && now.Phase == mctr.Running {
			s.say("another process has started it; this command stops following it")
		}
	}
	return stream
}

// say prints a message about the container on stderr.
func (s *Session) say(layout string, values ...any) {
	text := flags.Translate(fmt.Sprintf(layout, values...))
	fmt.Fprintf(format.Stderr, "mctr: container %s: %s\n", s.id.Short(), visible.Line(text))
}
