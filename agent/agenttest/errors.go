package agenttest

import (
	"context"
	"io"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/logs"
	"github.com/mctr/mctr/provisioner"
)

// failures checks that each failed operation returns the right sentinel.
func failures(s *scene) {
	for what, err := range s.unknown("unknown") {
		s.want(what+" of an unknown container", err, mctr.ErrNotFound)
	}
	s.launch("job", "sh", "-c", "exit 1")
	s.wantExit("job", 1)
	for what, err := range s.exited("job") {
		s.want(what+" of one that has exited", err, mctr.ErrState)
	}
	s.remove("job")
	s.launch("running", "sleep", "1000")
	for what, c := range s.wrong("running") {
		s.want(what, c.err, c.want)
	}
	s.wantPhase("running", mctr.Running)
	s.remove("running")
}

// unknown calls every operation on a container, and returns the errors by operation.
func (s *scene) unknown(id mctr.ContainerID) map[string]error {
	errs := map[string]error{
		"kill": s.Kill(s.ctx, id, unix.SIGTERM), "remove": s.Remove(s.ctx, id, true), "pause": s.Pause(s.ctx, id),
		"resume": s.Resume(s.ctx, id), "update": s.Update(s.ctx, id, mctr.Resources{}),
		"update of the group": s.UpdateGroup(s.ctx, id, mctr.Resources{}), "rename": s.Rename(s.ctx, id, "name"),
		"logs":      s.Logs(s.ctx, id, logs.ReadOptions{Tail: -1}, func(logs.Entry) error { return nil }),
		"copy from": s.CopyFrom(s.ctx, id, "/x", io.Discard, containerizer.CopyOptions{}),
		"copy to":   s.CopyTo(s.ctx, id, "/x", archive(s, "x", ""), containerizer.CopyOptions{}),
	}
	_, errs["resolve"] = s.Resolve(s.ctx, string(id))
	_, errs["status"] = s.Status(s.ctx, id)
	_, errs["usage"] = s.Usage(s.ctx, id)
	_, errs["disk usage"] = s.DiskUsage(s.ctx, id)
	_, errs["processes"] = s.Processes(s.ctx, id)
	_, errs["start"] = s.Start(s.ctx, id, containerizer.LaunchOptions{})
	_, errs["attach"] = s.Attach(s.ctx, id, wire.Attach{Output: true})
	_, errs["exec"] = s.Exec(s.ctx, id, containerizer.Exec{Args: []string{"true"}})
	_, errs["wait"] = s.Wait(s.ctx, id)
	_, errs["stop"] = s.Stop(s.ctx, id, mctr.StopOptions{Signal: unix.SIGTERM, Timeout: new(time.Second)})
	_, errs["destroy"] = s.Destroy(s.ctx, id)
	_, errs["stat"] = s.StatPath(s.ctx, id, "/x", containerizer.CopyOptions{})
	_, errs["network check"] = s.Networks().Check(s.ctx, id)
	return errs
}

// exited calls every operation that needs a running container, and returns the errors by operation.
func (s *scene) exited(id mctr.ContainerID) map[string]error {
	errs := map[string]error{"kill": s.Kill(s.ctx, id, unix.SIGTERM), "pause": s.Pause(s.ctx, id),
		"resume": s.Resume(s.ctx, id)}
	_, errs["usage"] = s.Usage(s.ctx, id)
	_, errs["processes"] = s.Processes(s.ctx, id)
	_, errs["attach"] = s.Attach(s.ctx, id, wire.Attach{Output: true})
	_, errs["exec"] = s.Exec(s.ctx, id, containerizer.Exec{Args: []string{"true"}})
	return errs
}

type failure struct{ err, want error }

// wrong makes calls that are not valid for other reasons. id is a running container.
func (s *scene) wrong(id mctr.ContainerID) map[string]failure {
	launch := func(id mctr.ContainerID, change func(*mctr.ContainerConfig)) error {
		config := s.config("true")
		change(config)
		_, err := s.Launch(s.ctx, id, config, containerizer.LaunchOptions{})
		return err
	}
	exec := func(program string) error {
		_, err := s.Exec(s.ctx, id, containerizer.Exec{Args: []string{program}})
		return err
	}
	unchanged := func(*mctr.ContainerConfig) {}
	_, inspected := s.Images().Inspect(s.ctx, "example.test/nothing:1")
	_, pulled := s.Images().Pull(s.ctx, "example.test/nothing:1", provisioner.PullOptions{Policy: "never"})
	_, network := s.Networks().Inspect(s.ctx, "nothing")
	return map[string]failure{
		"launch of a known id":    {launch(id, unchanged), mctr.ErrExists},
		"create of a known id":    {s.Create(s.ctx, id, s.config("true"), nil), mctr.ErrExists},
		"launch of a wrong id":    {launch("no/id", unchanged), mctr.ErrInvalid},
		"remove without force":    {s.Remove(s.ctx, id, false), mctr.ErrState},
		"resume of one that runs": {s.Resume(s.ctx, id), mctr.ErrState},
		"rename to no name":       {s.Rename(s.ctx, id, "no name"), mctr.ErrInvalid},
		"exec of a missing file":  {exec("/nothing"), mctr.ErrCommandNotFound},
		"exec of a directory":     {exec("/tmp"), mctr.ErrCommandInvoke},
		"inspect of an image":     {inspected, mctr.ErrNotFound},
		"pull of a missing image": {pulled, mctr.ErrNotFound},
		"inspect of a network":    {network, mctr.ErrNotFound},
		"probe of a network":      {s.Networks().Available(s.ctx, "nothing"), mctr.ErrNotFound},
		"removal of a network":    {s.Networks().Remove(s.ctx, "nothing"), mctr.ErrNotFound},
		"gc of a network":         {s.Networks().GC(s.ctx, "nothing"), mctr.ErrNotFound},
		"removal of a volume":     {s.Volumes().Remove(s.ctx, "nothing"), mctr.ErrNotFound},
		"a volume with a path":    {s.Volumes().Remove(s.ctx, "../x"), mctr.ErrInvalid},
		"a network of a driver":   {s.Networks().Create(s.ctx, "x", cni.Definition{Driver: "weave"}), mctr.ErrInvalid},
		"launch of a missing file": {launch("x", func(c *mctr.ContainerConfig) { c.Process.Args = []string{"/no"} }),
			mctr.ErrCommandNotFound},
		"launch of a missing image": {launch("x", func(c *mctr.ContainerConfig) { c.Image = "oci:/no/such/image:x" }),
			mctr.ErrNotFound},
		"launch of a wrong limit": {launch("x", func(c *mctr.ContainerConfig) {
			c.Resources.Memory.Limit = new(int64(-7))
		}), mctr.ErrInvalid},
		"launch with a missing network": {launch("x", func(c *mctr.ContainerConfig) {
			c.Networks = []mctr.NetworkConfig{{Name: "nothing"}}
		}), mctr.ErrNotFound},
	}
}

// contexts checks that the end of a context ends a waiting call, but no container.
func contexts(s *scene) {
	s.launch("job", "sleep", "1000")
	calls := map[string]func(ctx context.Context) error{
		"wait": func(ctx context.Context) error {
			_, err := s.Wait(ctx, "job")
			return err
		},
		"logs": func(ctx context.Context) error {
			return s.Logs(ctx, "job", logs.ReadOptions{Tail: -1, Follow: true}, func(logs.Entry) error { return nil })
		},
		"output": func(ctx context.Context) error {
			stream, err := s.Attach(s.ctx, "job", wire.Attach{Output: true})
			s.check(err)
			defer stream.Close()
			_, err = stream.Copy(ctx, io.Discard, io.Discard, nil)
			return err
		},
	}
	for name, call := range calls {
		cancelled, cancel := context.WithCancel(s.ctx)
		time.AfterFunc(50*time.Millisecond, cancel)
		s.want(name, call(cancelled), context.Canceled)
		late, cancel := context.WithTimeout(s.ctx, 50*time.Millisecond)
		s.want(name, call(late), context.DeadlineExceeded)
		cancel()
	}
	watching, cancel := context.WithCancel(s.ctx)
	time.AfterFunc(50*time.Millisecond, cancel)
	for _, err := range s.Events(watching, mctr.EventOptions{Follow: true}) {
		if err != nil {
			s.Errorf("events: %v", err)
		}
	}
	s.wantPhase("job", mctr.Running)
	s.remove("job")
}
