package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/containerizer/launcher"
)

// maxEnded bounds the number of ended sessions that are kept until a client removes them.
const maxEnded = 1000

// sessions are the sessions by id: the running ones, and the last of those that have ended.
type sessions struct {
	mu    sync.Mutex
	byID  map[mctr.ContainerID]*session
	ended []mctr.ContainerID // oldest first
}

// A session is a command that runs in a container beside the container's own, for one call.
type session struct {
	id      mctr.ContainerID
	parent  time.Time // creation time of its container
	began   time.Time
	stream  atomic.Pointer[launcher.Stream] // nil before the command runs
	writing atomic.Bool                     // a client writes to its stdin; a session has one writer at a time
	done    chan struct{}
	end     *mctr.Termination // set before done is closed
}

// begin reserves the id of a session whose process does not exist yet. parent is the creation time of
// the container: a session that ended in an earlier container with the same id does not count.
func (s *sessions) begin(id mctr.ContainerID, parent time.Time) (*session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.byID[id]; old != nil {
		if old.end == nil || old.parent.Equal(parent) {
			return nil, fmt.Errorf("%w: session %s", mctr.ErrExists, id)
		}
		s.drop(id)
	}
	session := &session{id: id, parent: parent, began: time.Now(), done: make(chan struct{})}
	s.byID[id] = session
	return session, nil
}

// drop forgets a session. The caller holds the lock.
func (s *sessions) drop(id mctr.ContainerID) {
	delete(s.byID, id)
	s.ended = slices.DeleteFunc(s.ended, func(other mctr.ContainerID) bool { return other == id })
}

// dropEnded forgets the ended sessions of a container that was removed.
func (s *sessions) dropEnded(parent mctr.ContainerID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, session := range s.byID {
		if id.Parent() == parent && session.end != nil {
			s.drop(id)
		}
	}
}

// abandon frees the id of a session whose command could not be started.
func (s *sessions) abandon(session *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byID, session.id)
}

// finish records the termination of a session.
func (s *sessions) finish(session *session, t *mctr.Termination) {
	s.mu.Lock()
	defer s.mu.Unlock()
	session.end = t
	close(session.done)
	s.ended = append(s.ended, session.id)
	if len(s.ended) > maxEnded {
		delete(s.byID, s.ended[0])
		s.ended = s.ended[1:]
	}
}

func (s *sessions) find(id mctr.ContainerID) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byID[id]
}

// remove forgets a session that has ended.
func (s *sessions) remove(id mctr.ContainerID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	session := s.byID[id]
	if session == nil {
		return nil
	}
	if session.end == nil {
		return fmt.Errorf("%w: session %s is running", mctr.ErrState, id)
	}
	s.drop(id)
	return nil
}

// list returns the running sessions.
func (s *sessions) list() (running []api.Container) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, session := range s.byID {
		if stream := session.stream.Load(); stream != nil && session.end == nil {
			name := api.NewContainerID(id)
			running = append(running,
				api.Container{ContainerID: name,
					ContainerStatus: api.ContainerStatus{ContainerID: name, ExecutorPid: stream.Pid}})
		}
	}
	return running
}

func (s *session) wait(ctx context.Context) (*mctr.Termination, error) {
	select {
	case <-s.done:
		return s.end, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for session %s: %w", s.id, context.Cause(ctx))
	}
}

func (s *session) kill(sig unix.Signal) error {
	stream, err := s.running()
	if err != nil {
		return err
	}
	return s.gone(stream.Signal(sig))
}

// running returns the stream of a session, and fails unless the session is running.
func (s *session) running() (*launcher.Stream, error) {
	stream := s.stream.Load()
	if stream == nil {
		return nil, fmt.Errorf("%w: session %s is not running yet", mctr.ErrState, s.id)
	}
	select {
	case <-s.done:
		return nil, s.gone(net.ErrClosed)
	default:
		return stream, nil
	}
}

// gone returns err, or an ErrState if err means that the session has ended.
func (s *session) gone(err error) error {
	if errors.Is(err, net.ErrClosed) || errors.Is(err, unix.EPIPE) || errors.Is(err, fs.ErrClosed) ||
		errors.Is(err, unix.ECONNRESET) {
		return fmt.Errorf("%w: session %s has ended", mctr.ErrState, s.id)
	}
	return err
}

// launchSession runs a command in the namespaces and limits of its parent, with the environment and
// working directory of the parent. When the connection of the call closes, the command and all
// processes that it has started are killed.
func launchSession(x *exchange, in api.Session, out *output) error {
	id := in.ContainerID.ID()
	e, err := in.Exec()
	if err != nil {
		return err
	}
	switch _, err := x.Local.Status(x.r.Context(), id); {
	case err == nil:
		return fmt.Errorf("%w: container %s", mctr.ErrExists, id)
	case !errors.Is(err, mctr.ErrNotFound):
		return err
	}
	parent, err := x.Local.Status(x.r.Context(), id.Parent())
	if err != nil {
		return sessionError(err)
	}
	session, err := x.sessions.begin(id, parent.Created)
	if err != nil {
		return err
	}
	e.Whole = true
	stream, err := x.Local.Exec(x.r.Context(), id.Parent(), e)
	if err != nil {
		x.sessions.abandon(session)
		return sessionError(err)
	}
	defer stream.Close()
	session.stream.Store(stream)
	end, err := out.copy(stream)
	if end == nil {
		end = &mctr.Termination{
			ExitCode: 128 + 9, Signal: 9, Reason: mctr.ReasonDestroyed, Message: "its connection was closed",
			Started: session.began.UTC(), Finished: time.Now().UTC(),
		}
	}
	x.sessions.finish(session, end)
	return err
}

// sessionError makes an unknown or stopped parent a bad request, as Mesos does.
func sessionError(err error) error {
	if errors.Is(err, mctr.ErrNotFound) || errors.Is(err, mctr.ErrState) {
		return statusError{http.StatusBadRequest, err}
	}
	return err
}
