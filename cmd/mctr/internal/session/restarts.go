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

// followRestarts has the session stay with its container through the restarts of its policy.
// It does nothing for the containers of an agent, which follows their policies itself.
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
		Restarting: func(t *mctr.Termination) { s.say("%s, exit code %d: starting it again", t.Reason, t.ExitCode) },
		Failed:     func(err error) { s.say("it could not be started again: %v", err) },
	}
}

// nextRun returns the streams of the container's next run, nil if none follows: its policy
// asks for none, or the user asked for its end, detached, or has stopped it elsewhere.
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
			s.say("another process started it, and it goes on without this command")
		}
	}
	return stream
}

// say prints a message about the container on stderr.
func (s *Session) say(layout string, values ...any) {
	text := flags.Translate(fmt.Sprintf(layout, values...))
	fmt.Fprintf(format.Stderr, "mctr: container %s: %s\n", s.id.Short(), visible.Line(text))
}
