// Package agenttest is the contract of [agent.API] as a test suite. Both implementations run it: the
// library and the client of an agent.
//
// The suite creates containers, images, networks and volumes on the host under test, and removes them.
package agenttest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/containerizer"
)

// patience is the time limit for one case. A case that takes longer counts as hung.
const patience = 30 * time.Second

// Run tests the API of a host. image is a reference to an image with busybox in /bin, at a path on
// the host: see package imagetest.
func Run(t *testing.T, api agent.API, image string) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			c.run(&scene{T: t, API: api, ctx: ctx, image: image})
			left, err := api.Containers(ctx)
			if err != nil || len(left) > 0 {
				t.Errorf("left: %v, %v", left, err)
			}
		})
	}
}

// cases has the cases of the contract.
var cases = []struct {
	name string
	run  func(*scene)
}{
	{"launch and wait", launches},
	{"create and start", creates},
	{"streams of a launch", launchStreams},
	{"attach", attaches},
	{"exec", execs},
	{"an exec ends with its stream", execEndsWithStream},
	{"kill, stop and destroy", ends},
	{"pause and resume", pauses},
	{"update, usage and processes", updates},
	{"rename and resolve", renames},
	{"groups", groups},
	{"logs", readsLogs},
	{"events", events},
	{"ends", acknowledges},
	{"copy", copies},
	{"dry run", dryRuns},
	{"images", images},
	{"image archives", imageArchives},
	{"networks", networks},
	{"volumes", volumes},
	{"host", examines},
	{"leftovers", reconciles},
	{"errors", failures},
	{"contexts", contexts},
}

// A scene is the environment of one case.
type scene struct {
	*testing.T
	agent.API
	ctx   context.Context
	image string
}

func (s *scene) config(args ...string) *mctr.ContainerConfig {
	return &mctr.ContainerConfig{Image: s.image, Process: mctr.Process{Args: args}}
}

// launch runs a container, which is removed after the case.
func (s *scene) launch(id mctr.ContainerID, args ...string) {
	s.Helper()
	s.launchConfig(id, s.config(args...))
}

func (s *scene) launchConfig(id mctr.ContainerID, config *mctr.ContainerConfig) {
	s.Helper()
	stream, err := s.Launch(s.ctx, id, config, containerizer.LaunchOptions{})
	s.check(err)
	if stream != nil {
		s.Errorf("a launch without Attach has a stream")
	}
}

// check ends the case with an error.
func (s *scene) check(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// remove removes containers, whether they run or not.
func (s *scene) remove(ids ...mctr.ContainerID) {
	s.Helper()
	for _, id := range ids {
		s.check(s.Remove(s.ctx, id, true))
	}
}

// want wants an error that matches a sentinel.
func (s *scene) want(what string, err, sentinel error) {
	s.Helper()
	if !errors.Is(err, sentinel) {
		s.Errorf("%s: got %v, want %v", what, err, sentinel)
	}
}

func (s *scene) wantPhase(id mctr.ContainerID, want mctr.Phase) {
	s.Helper()
	if status, err := s.Status(s.ctx, id); err != nil || status.Phase != want {
		s.Errorf("%s: %+v, %v; want it %s", id, status, err, want)
	}
}

// wantExit wants a container to have ended by itself with a code.
func (s *scene) wantExit(id mctr.ContainerID, code int) {
	s.Helper()
	end, err := s.Wait(s.ctx, id)
	if err != nil || end.Reason != mctr.ReasonExited || end.ExitCode != code {
		s.Errorf("%s ended with %+v, %v; want the exit code %d", id, end, err, code)
	}
}

// eventually polls until ok.
func (s *scene) eventually(what string, ok func() bool) {
	s.Helper()
	for !ok() {
		select {
		case <-s.ctx.Done():
			s.Fatalf("%s: not in time", what)
		case <-time.After(10 * time.Millisecond):
		}
	}
}
