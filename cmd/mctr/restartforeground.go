package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/visible"
)

// restarts is how far a restart policy has come.
type restarts struct {
	policy mctr.RestartPolicy
	streak int
}

// after reports whether a run that ended like t, and starts that failed since, are followed
// by another, and when.
func (r *restarts) after(t *mctr.Termination, failed int) (pause time.Duration, again bool) {
	if failed == 0 {
		r.streak = r.policy.Streak(t, r.streak)
	}
	pause, again = r.policy.Next(t, r.streak)
	r.streak++
	return pause, again
}

// policy is this command's to follow where the containers are its own; an agent
// follows those of its containers.
func (s *session) policy() restarts {
	if _, local := s.containers.(localContainers); !local {
		return restarts{}
	}
	return restarts{policy: s.config.Restart}
}

// restart starts the container once more where its policy says so, unless somebody
// asked for its end, here or by stop. A start that fails is followed by the next.
func (s *session) restart(ctx context.Context, policy *restarts, t *mctr.Termination) bool {
	pause, again := policy.after(t, 0)
	if !again {
		return false
	}
	defer s.resting(ctx)()
	for failed := 1; again && s.lasts(pause); failed++ {
		s.say("%s, exit code %d: starting it again", t.Reason, t.ExitCode)
		options := s.options()
		options.Again = true
		stream, err := s.containers.Start(ctx, s.id, options)
		switch {
		case err == nil:
			s.current.Store(stream)
			if s.stdinEnded.Load() {
				_ = stream.CloseStdin()
			}
			return true
		case errors.Is(err, mctr.ErrState) || s.removed(ctx, err) || ctx.Err() != nil:
			s.leave(ctx)
			return false
		}
		s.say("it could not be started again: %v", err)
		if local, ok := s.containers.(localContainers); ok {
			local.RecordStartFailure(s.id, err)
		}
		pause, again = policy.after(t, failed)
	}
	return false
}

// leave says where the container goes on without this command.
func (s *session) leave(ctx context.Context) {
	if now, err := s.containers.Status(ctx, s.id); err == nil && now.Phase == mctr.Running {
		s.say("somebody else started it, and it goes on without this command")
	}
}

// say tells something of the container on stderr.
func (s *session) say(format string, values ...any) {
	fmt.Fprintf(stderr, "mctr: container %s: %s\n", s.id.Short(), visible.Line(inFlags(fmt.Sprintf(format, values...))))
}

// removed reports whether it is the container that is not found, and not its image or
// network.
func (s *session) removed(ctx context.Context, err error) bool {
	if !errors.Is(err, mctr.ErrNotFound) {
		return false
	}
	_, err = s.containers.Status(ctx, s.id)
	return errors.Is(err, mctr.ErrNotFound)
}

// resting says to whoever looks at the container that it is to be started again,
// until done is called.
func (s *session) resting(ctx context.Context) (done func()) {
	if local, ok := s.containers.(localContainers); ok {
		return local.HoldRestart(ctx, s.id)
	}
	return func() {}
}

// lasts reports whether nobody wants an end for so long.
func (s *session) lasts(pause time.Duration) bool {
	select {
	case <-s.over:
		return false // also one that was asked for before
	default:
	}
	select {
	case <-s.over:
	case <-s.detached:
	case sig := <-s.left:
		s.left <- sig
	case <-time.After(pause):
		return true
	}
	return false
}
