package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/provisioner/puller"
)

// launchContainer runs a container. The agent supervises the container: it runs the health checks,
// follows the restart policy and cleans up.
func (x *exchange) launchContainer(in api.Launch) error {
	id, config, err := x.parseLaunch(&in)
	if err != nil {
		return err
	}
	options := containerizer.LaunchOptions{ConsoleSize: in.FirstSize()}
	if in.Mctr != nil {
		options.Attach = in.Mctr.Attach
	}
	return x.start(options, func(ctx context.Context, o containerizer.LaunchOptions) (*launcher.Stream, error) {
		x.forget(id)
		stream, err := x.Local.Launch(ctx, id, config, o)
		return stream, x.launchError(ctx, id, err)
	})
}

// launchNested is the older form of launchContainer in Mesos.
func (x *exchange) launchNested(in api.LaunchNested) error {
	if in.ContainerID.ID().Parent() == "" {
		return fmt.Errorf("%w: container_id: a nested container must name its parent", mctr.ErrInvalid)
	}
	return x.launchContainer(api.Launch{ContainerID: in.ContainerID, Command: in.Command, Container: in.Container})
}

// parseLaunch returns the id and config of the container to launch.
func (s *Server) parseLaunch(in *api.Launch) (mctr.ContainerID, *mctr.ContainerConfig, error) {
	config, err := in.Config()
	if err != nil {
		return "", nil, err
	}
	return in.ContainerID.ID(), config, s.checkAllowed(config)
}

// checkAllowed refuses a config with another owner than this agent, or with an image at a relative
// path.
func (s *Server) checkAllowed(config *mctr.ContainerConfig) error {
	if config.Owner != "" && config.Owner != s.Owner {
		return fmt.Errorf("%w: mctr.config.owner: the owner of this agent's containers is %q", mctr.ErrInvalid, s.Owner)
	}
	return checkHostImage(config.Image)
}

// checkHostImage refuses an image at a relative path, which would depend on the agent's directory.
func checkHostImage(image string) error {
	r, err := puller.Parse(image)
	if err != nil || r.Kind == puller.Registry {
		return nil // the caller's next step reports an invalid reference
	}
	if !strings.HasPrefix(image, string(r.Kind)+":/") {
		return fmt.Errorf("%w: image %s: want an absolute path on the agent's host", mctr.ErrInvalid, image)
	}
	return nil
}

// launchError converts the error of a launch as Mesos does: launching a running container again is
// not an error, and something that the launch does not find makes it a bad request.
func (s *Server) launchError(ctx context.Context, id mctr.ContainerID, err error) error {
	switch {
	case errors.Is(err, mctr.ErrExists):
		status, statusErr := s.Local.Status(ctx, id)
		if statusErr == nil && (running(status.Phase) || status.Phase.Launching()) {
			return errLaunched
		}
		if statusErr == nil {
			return fmt.Errorf("%w: it is %s (remove it, or choose another id)", err, status.Phase)
		}
	case errors.Is(err, mctr.ErrNotFound), errors.Is(err, mctr.ErrState):
		return statusError{http.StatusBadRequest, err}
	}
	return err
}

// launchGroup runs the tasks of a group. The agent supervises each.
func (s *Server) launchGroup(ctx context.Context, in api.LaunchedGroup) (empty, error) {
	if in.Group == nil {
		return empty{}, fmt.Errorf("%w: group is missing", mctr.ErrInvalid)
	}
	if err := s.checkAllowed(&in.Group.Root); err != nil {
		return empty{}, err
	}
	for _, name := range in.Group.Names() {
		task := in.Group.Tasks[name]
		if err := s.checkAllowed(&task); err != nil {
			return empty{}, fmt.Errorf("task %s: %w", name, err)
		}
	}
	id := in.ContainerID.ID()
	s.forget(id)
	err := s.Local.LaunchGroup(ctx, id, in.Group, containerizer.LaunchOptions{})
	return empty{}, s.launchError(ctx, id, err)
}

// create records a container without running it.
func (s *Server) create(ctx context.Context, in api.Launch) (empty, error) {
	id, config, err := s.parseLaunch(&in)
	if err != nil {
		return empty{}, err
	}
	return empty{}, s.Local.Create(ctx, id, config, nil)
}

// startContainer launches a container that was created, or one that has exited.
func (x *exchange) startContainer(in api.Start) error {
	options := containerizer.LaunchOptions{Attach: in.Attach, ConsoleSize: in.ConsoleSize}
	return x.start(options, func(ctx context.Context, o containerizer.LaunchOptions) (*launcher.Stream, error) {
		return x.Local.Start(ctx, in.ContainerID.ID(), o)
	})
}

// start launches a container by calling do. It answers with the streams of the container if o asks
// for them.
func (x *exchange) start(o containerizer.LaunchOptions,
	do func(context.Context, containerizer.LaunchOptions) (*launcher.Stream, error)) error {
	if o.Attach != nil {
		if err := x.asksUpgrade(); err != nil {
			return err
		}
	} else if err := x.accepts(api.JSON); err != nil {
		return err
	}
	count, header := x.metrics.launching(), x.w.Header()
	o.Step = func(s mctr.Step) {
		count(s)
		header.Add(api.Timing,
			fmt.Sprintf("step;desc=%q;dur=%.3f", s.Name, float64(s.Took())/float64(time.Millisecond)))
	}
	stream, err := do(x.r.Context(), o)
	if err != nil {
		return err
	}
	if stream != nil {
		return x.upgrade(stream)
	}
	return x.answer(empty{})
}

// wait answers when the container or session has exited. It can be called any number of times.
func (s *Server) wait(ctx context.Context, in api.ID) (api.Termination, error) {
	id := in.ContainerID.ID()
	if session := s.sessions.find(id); session != nil {
		return ended(session.wait(ctx))
	}
	t, err := s.Local.Wait(ctx, id)
	if err != nil {
		t, err = s.recovered(id, err)
	}
	return ended(t, err)
}

// ended returns the answer to a call that waits for the exit of a container.
func ended(t *mctr.Termination, err error) (api.Termination, error) {
	if err != nil {
		return api.Termination{}, err
	}
	return api.NewTermination(t), nil
}

// kill sends a signal to the first process of a container or session.
func (s *Server) kill(ctx context.Context, in api.Kill) (empty, error) {
	id, sig := in.ContainerID.ID(), unix.SIGKILL
	if in.Signal != nil {
		var err error
		if sig, err = signal(*in.Signal); err != nil {
			return empty{}, err
		}
	}
	if session := s.sessions.find(id); session != nil {
		return empty{}, session.kill(sig)
	}
	return empty{}, s.Local.Kill(ctx, id, sig)
}

// lastSignal is the highest signal number of Linux (signal(7)).
const lastSignal = 64

func signal(number int) (unix.Signal, error) {
	if number < 1 || number > lastSignal {
		return 0, fmt.Errorf("%w: signal %d: want 1 to %d", mctr.ErrInvalid, number, lastSignal)
	}
	return unix.Signal(number), nil
}

// stop asks a container to exit, and kills it after a timeout.
func (s *Server) stop(ctx context.Context, in api.Stop) (_ api.Termination, err error) {
	o := mctr.StopOptions{Timeout: (*time.Duration)(in.Timeout)}
	if in.Signal != 0 {
		if o.Signal, err = signal(in.Signal); err != nil {
			return api.Termination{}, err
		}
	}
	if o.Timeout != nil && *o.Timeout < 0 {
		return api.Termination{}, fmt.Errorf("%w: timeout %s", mctr.ErrInvalid, *o.Timeout)
	}
	return ended(s.Local.Stop(ctx, in.ContainerID.ID(), o))
}

func (s *Server) destroy(ctx context.Context, in api.ID) (api.Termination, error) {
	return ended(s.Local.Destroy(ctx, in.ContainerID.ID()))
}

func (s *Server) rename(ctx context.Context, in api.Rename) (empty, error) {
	return empty{}, s.Local.Rename(ctx, in.ContainerID.ID(), in.Name)
}

// update changes the limits of a container or a group.
func (s *Server) update(ctx context.Context, in api.Update) (empty, error) {
	id := in.ContainerID.ID()
	if in.Group {
		return empty{}, s.Local.UpdateGroup(ctx, id, in.Resources)
	}
	return empty{}, s.Local.Update(ctx, id, in.Resources)
}

// remove removes a container or session that has exited.
func (s *Server) remove(ctx context.Context, in api.Remove) (empty, error) {
	id := in.ContainerID.ID()
	if s.sessions.find(id) != nil {
		return empty{}, s.sessions.remove(id)
	}
	err := s.Local.Remove(ctx, id, in.Force)
	if err == nil {
		s.sessions.dropEnded(id)
	}
	if s.forget(id) && errors.Is(err, mctr.ErrNotFound) {
		err = nil // the container was removed automatically
	}
	return empty{}, err
}
