package agenttest

import (
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
)

// launches checks that every Wait returns the same termination, and that a container exists after it
// has exited, until it is removed.
func launches(s *scene) {
	var steps []string
	_, err := s.Launch(s.ctx, "job", s.config("sh", "-c", "exit 7"),
		containerizer.LaunchOptions{Step: func(step mctr.Step) { steps = append(steps, step.Name) }})
	s.check(err)
	s.wantExit("job", 7)
	s.wantExit("job", 7)
	if len(steps) < 5 || steps[0] != "intent" || steps[len(steps)-1] != "running" {
		s.Errorf("steps %q", steps)
	}
	status, err := s.Status(s.ctx, "job")
	if err != nil || status.Phase != mctr.Exited || status.Termination.ExitCode != 7 || status.ID != "job" ||
		status.Config.Image != s.image {
		s.Errorf("%+v, %v", status, err)
	}
	if ids, err := s.Containers(s.ctx); err != nil || len(ids) != 1 || ids[0] != "job" {
		s.Errorf("listed %v, %v", ids, err)
	}
	s.check(s.Remove(s.ctx, "job", false))
	_, err = s.Status(s.ctx, "job")
	s.want("status of one that was removed", err, mctr.ErrNotFound)
}

// creates checks that a created container runs only when it is started, and can be started again.
func creates(s *scene) {
	s.check(s.Create(s.ctx, "job", s.config("sh", "-c", "echo run >> /tmp/runs; exit $(wc -l < /tmp/runs)"), nil))
	s.wantPhase("job", mctr.Created)
	for run := range 2 {
		_, err := s.Start(s.ctx, "job", containerizer.LaunchOptions{})
		s.check(err)
		s.wantExit("job", run+1)
		s.eventually("it is cleaned up", func() bool {
			status, err := s.Status(s.ctx, "job")
			return err == nil && status.Cleaned
		})
	}
	s.remove("job")
}

// ends checks the termination after each way to end a container.
func ends(s *scene) {
	for _, c := range []struct {
		id     mctr.ContainerID
		end    func(id mctr.ContainerID) error
		signal unix.Signal
	}{
		{"killed", func(id mctr.ContainerID) error { return s.Kill(s.ctx, id, unix.SIGTERM) }, unix.SIGTERM},
		{"stopped", func(id mctr.ContainerID) error {
			_, err := s.Stop(s.ctx, id, mctr.StopOptions{Signal: unix.SIGINT, Timeout: new(time.Minute)})
			return err
		}, unix.SIGINT},
		{"ended", func(id mctr.ContainerID) error { // with the container's own signal
			_, err := s.Stop(s.ctx, id, mctr.StopOptions{})
			return err
		}, unix.SIGQUIT},
		{"destroyed", func(id mctr.ContainerID) error {
			_, err := s.Destroy(s.ctx, id)
			return err
		}, unix.SIGKILL},
	} {
		config := s.config("sleep", "1000")
		config.Namespaces.PID = "host" // an init would ignore the signals
		config.StopSignal, config.StopTimeout = "QUIT", new(mctr.Duration(time.Minute))
		s.launchConfig(c.id, config)
		s.check(c.end(c.id))
		if end, err := s.Wait(s.ctx, c.id); err != nil || end.Signal != int(c.signal) {
			s.Errorf("%s: %+v, %v; want signal %d", c.id, end, err, c.signal)
		}
		s.remove(c.id)
	}
	for _, o := range []mctr.StopOptions{
		{}, {Signal: unix.SIGTERM, Timeout: new(50 * time.Millisecond)},
	} {
		config := s.config("sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.1; done")
		config.StopTimeout = new(mctr.Duration(60 * time.Millisecond))
		s.launchConfig("stubborn", config)
		s.eventually("it ignores SIGTERM", func() bool { return strings.Contains(s.output("stubborn"), "up") })
		if end, err := s.Stop(s.ctx, "stubborn", o); err != nil || end.Signal != int(unix.SIGKILL) {
			s.Errorf("stop with a short timeout: %+v, %v", end, err)
		}
		s.remove("stubborn")
	}
}

func pauses(s *scene) {
	s.launch("job", "sleep", "1000")
	s.check(s.Pause(s.ctx, "job"))
	s.wantPhase("job", mctr.Paused)
	s.check(s.Resume(s.ctx, "job"))
	s.wantPhase("job", mctr.Running)
	s.remove("job")
}

func updates(s *scene) {
	s.launch("job", "sleep", "1000")
	const limit = 64 << 20
	s.check(s.Update(s.ctx, "job", mctr.Resources{Memory: mctr.Memory{Limit: new(int64(limit))}}))
	if usage, err := s.Usage(s.ctx, "job"); err != nil || usage.MemoryLimit != limit || usage.Pids == 0 {
		s.Errorf("%+v, %v", usage, err)
	}
	if usage, err := s.DiskUsage(s.ctx, "job"); err != nil || usage.Sandbox < 0 {
		s.Errorf("%+v, %v", usage, err)
	}
	table, err := s.Processes(s.ctx, "job", "-o", "args=")
	if err != nil || !strings.Contains(string(table), "sleep 1000") {
		s.Errorf("processes: %q, %v", table, err)
	}
	s.remove("job")
}

func renames(s *scene) {
	config := s.config("sleep", "1000")
	config.Name = "before"
	s.launchConfig("0123456789abcdef", config)
	s.check(s.Rename(s.ctx, "0123456789abcdef", "after"))
	for _, ref := range []string{"after", "0123456789abcdef", "0123"} {
		if id, err := s.Resolve(s.ctx, ref); err != nil || id != "0123456789abcdef" {
			s.Errorf("%s is %s, %v", ref, id, err)
		}
	}
	_, err := s.Resolve(s.ctx, "before")
	s.want("the name before", err, mctr.ErrNotFound)
	s.remove("0123456789abcdef")
}

// groups checks that tasks are nested in their root, share its limits, and are removed with it.
func groups(s *scene) {
	s.check(s.LaunchGroup(s.ctx, "pod", &mctr.Group{Tasks: map[string]mctr.ContainerConfig{
		"one": *s.config("sleep", "1000"), "two": *s.config("sleep", "1000"),
	}}, containerizer.LaunchOptions{}))
	s.check(s.UpdateGroup(s.ctx, "pod", mctr.Resources{Memory: mctr.Memory{Limit: new(int64(128 << 20))}}))
	for _, id := range []mctr.ContainerID{"pod", "pod.one", "pod.two"} {
		s.wantPhase(id, mctr.Running)
	}
	if ids, err := s.Containers(s.ctx); err != nil || len(ids) != 3 {
		s.Errorf("%v, %v", ids, err)
	}
	if _, err := s.Destroy(s.ctx, "pod.one"); err != nil {
		s.Error(err)
	}
	if _, err := s.Wait(s.ctx, "pod.two"); err != nil { // a task that fails ends the others
		s.Error(err)
	}
	s.remove("pod")
}

// dryRuns checks that a dry run returns the spec of a launch.
func dryRuns(s *scene) {
	spec, err := s.DryRun(s.ctx, s.config("true"))
	if err != nil || spec.Process == nil || len(spec.Process.Args) != 1 || spec.Process.Args[0] != "true" {
		s.Errorf("%+v, %v", spec, err)
	}
}
