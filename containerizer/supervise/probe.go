package supervise

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/health"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/atomicfile"
)

// probe checks the container's health and readiness until ctx ends.
func (s *Supervisor) probe(ctx context.Context, r *store.Record) {
	c := s.Store.Container(r.ID)
	if check := HealthCheck(c); check != nil {
		ctx, enough := context.WithCancel(ctx)
		s.keepProbing(ctx, c, check, c.Health(), func(h mctr.Health, changed bool) {
			s.reportHealth(r, c.Health(), mctr.EventHealth, h, changed)
			if h.Status == mctr.Unhealthy && !check.Keep && s.retire(r, unhealthy(h)) {
				enough() // it is asked to end once
			}
		})
	}
	if check := r.Config.Ready; check != nil {
		s.keepProbing(ctx, c, check, c.Ready(), func(h mctr.Health, changed bool) {
			s.reportHealth(r, c.Ready(), mctr.EventReady, h, changed)
		})
	}
}

// HealthCheck returns the check that the container's launch decided on; nil for none.
func HealthCheck(c *store.Container) *mctr.HealthCheck {
	check := &mctr.HealthCheck{}
	if atomicfile.ReadJSON(c.HealthCheck(), check) != nil {
		return nil
	}
	return check
}

// keepProbing probes until ctx ends, and goes on from what an earlier process recorded.
func (s *Supervisor) keepProbing(ctx context.Context, c *store.Container, check *mctr.HealthCheck, recorded string,
	report func(h mctr.Health, changed bool)) {
	created := c.Created()
	if created == nil {
		return // the container is gone
	}
	ask := s.prober(c.ID, created.Pid, check)
	var last string
	before := readHealth(recorded)
	if before != nil {
		last = before.Status
	}
	checker := &health.Checker{
		Check: *check, Began: c.Started(), Last: before,
		Probe: func(ctx context.Context) (health.Answer, error) {
			answer, err := ask(ctx)
			if phase, _ := c.Phase(); err != nil && phase != mctr.Running {
				return answer, health.ErrNotNow // asked afterwards: it may have been paused meanwhile
			}
			return answer, err
		},
		Report: func(h mctr.Health) {
			report(h, h.Status != last)
			last = h.Status
		},
	}
	s.watchers.Go(func() { checker.Run(ctx) })
}

// retire ends a container that is unhealthy: by its stop signal, and after its time
// to stop by force. It reports whether that is under way.
func (s *Supervisor) retire(r *store.Record, why mctr.Limitation) bool {
	s.Log.Warn("limitation", "container", r.ID, "reason", why.Reason, "message", why.Message)
	err := s.Shims.With(s.ctx, r.ID, func(client *launcher.Client) error {
		return client.Retire(s.ctx, why, s.Store.Container(r.ID).StopSignal(), r.Config.StopTime())
	})
	if err != nil && !errors.Is(err, mctr.ErrState) && !errors.Is(err, mctr.ErrUnavailable) {
		s.Log.Error("end an unhealthy container", "container", r.ID, "error", err)
	}
	return err == nil
}

// reportHealth records what the probes came to, and emits an event when that changes.
func (s *Supervisor) reportHealth(r *store.Record, path, event string, h mctr.Health, changed bool) {
	if err := recordHealth(path, h); err != nil {
		s.Log.Error("record the health", "container", r.ID, "error", err)
	}
	if changed {
		s.Store.Emit(r, event, map[string]string{"status": h.Status})
	}
}

// recordHealth gives up the last verdict if the disk has no room for two: a verdict that does
// not hold any more is worse than none.
func recordHealth(path string, h mctr.Health) error {
	if atomicfile.WriteJSON(path, h) == nil {
		return nil
	}
	_ = os.Remove(path) // it need not exist
	return atomicfile.WriteJSON(path, h)
}

func unhealthy(h mctr.Health) mctr.Limitation {
	last := h.Probes[len(h.Probes)-1].Error
	return mctr.Limitation{
		Reason:   mctr.ReasonUnhealthy,
		Message:  fmt.Sprintf("%d probes in a row failed, the last one: %s", h.Streak, last),
		Resource: "health", Used: int64(h.Streak), Limit: int64(h.Streak),
	}
}

// Verdict returns what the last probe came to. Before the first, and if no disk had room for
// its record, a container with a check is starting; nil: it has no check.
func Verdict(path string, check *mctr.HealthCheck) *mctr.Health {
	if h := readHealth(path); h != nil || check == nil {
		return h
	}
	return &mctr.Health{Status: mctr.HealthStarting}
}

// readHealth is what the last probe came to; nil: there is none.
func readHealth(path string) *mctr.Health {
	h := &mctr.Health{}
	if atomicfile.ReadJSON(path, h) != nil {
		return nil
	}
	return h
}

func (s *Supervisor) prober(id mctr.ContainerID, pid int, check *mctr.HealthCheck) health.Probe {
	parent := mctr.Parent{Pid: pid}
	switch {
	case check.HTTP != nil:
		return health.HTTP(parent.Namespace("net"), *check.HTTP)
	case check.TCP != nil:
		return health.TCP(parent.Namespace("net"), check.TCP.Port)
	}
	return func(ctx context.Context) (health.Answer, error) { return s.probeCommand(ctx, id, check.Command) }
}

// probeCommand runs the command in the container, and ends it with ctx.
func (s *Supervisor) probeCommand(ctx context.Context, id mctr.ContainerID,
	command []string) (health.Answer, error) {
	failed := health.Answer{ExitCode: -1}
	stream, err := s.Verbs.Exec(ctx, id, command)
	if err != nil {
		return failed, err
	}
	defer stream.Close() // and with it the command
	said := &head{}
	end, err := stream.Copy(ctx, said, said, nil)
	failed.Output = said.String()
	switch {
	case context.Cause(ctx) != nil:
		return failed, fmt.Errorf("%v: %w", command, context.Cause(ctx))
	case err != nil:
		return failed, err
	case end.ExitCode != 0:
		err = fmt.Errorf("%v: exit code %d: %s", command, end.ExitCode, said.String())
	}
	return health.Answer{ExitCode: end.ExitCode, Output: said.String()}, err
}

// A head keeps the first part of what a probe says; the rest is read and dropped.
type head struct{ bytes.Buffer }

func (h *head) Write(p []byte) (int, error) {
	const most = 4096
	_, _ = h.Buffer.Write(p[:min(len(p), max(0, most-h.Len()))])
	return len(p), nil
}
