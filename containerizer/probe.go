package containerizer

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

// probe checks the container's health and readiness as long as it is watched here.
func (c *Containerizer) probe(ctx context.Context, r *store.Record) {
	id := r.ID
	if check := c.healthCheck(id); check != nil {
		ctx, enough := context.WithCancel(ctx)
		c.keepProbing(ctx, id, check, c.handle(id).Health(), func(h mctr.Health, changed bool) {
			c.toldHealth(r, c.handle(id).Health(), mctr.EventHealth, h, changed)
			if h.Status == mctr.Unhealthy && !check.Keep && c.retire(r, unhealthy(h)) {
				enough() // it is asked to end once
			}
		})
	}
	if check := r.Config.Ready; check != nil {
		c.keepProbing(ctx, id, check, c.handle(id).Ready(), func(h mctr.Health, changed bool) {
			c.toldHealth(r, c.handle(id).Ready(), mctr.EventReady, h, changed)
		})
	}
}

// keepProbing probes until ctx ends, and goes on from what an earlier process recorded.
func (c *Containerizer) keepProbing(ctx context.Context, id mctr.ContainerID, check *mctr.HealthCheck, recorded string,
	told func(h mctr.Health, changed bool)) {
	created := c.handle(id).Created()
	if created == nil {
		return // it is gone
	}
	ask := c.prober(id, created.Pid, check)
	var last string
	before := readHealth(recorded)
	if before != nil {
		last = before.Status
	}
	checker := &health.Checker{
		Check: *check, Began: c.handle(id).Started(), Last: before,
		Probe: func(ctx context.Context) (health.Answer, error) {
			answer, err := ask(ctx)
			if phase, _ := c.handle(id).Phase(); err != nil && phase != mctr.Running {
				return answer, health.ErrNotNow // asked afterwards: it may have been paused meanwhile
			}
			return answer, err
		},
		Report: func(h mctr.Health) {
			told(h, h.Status != last)
			last = h.Status
		},
	}
	c.watchers.Go(func() { checker.Run(ctx) })
}

// retire ends a container that is unhealthy: by its stop signal, and after its time
// to stop by force. It says whether that is on its way.
func (c *Containerizer) retire(r *store.Record, why mctr.Limitation) bool {
	c.log.Warn("limitation", "container", r.ID, "reason", why.Reason, "message", why.Message)
	grace := r.Config.StopTime()
	err := c.withShim(c.ctx, r.ID, func(client *launcher.Client) error {
		return client.Retire(c.ctx, why, c.stopSignalOf(r.ID), grace)
	})
	if err != nil && !errors.Is(err, mctr.ErrState) && !errors.Is(err, mctr.ErrUnavailable) {
		c.log.Error("end an unhealthy container", "container", r.ID, "error", err)
	}
	return err == nil
}

// toldHealth records what the probes came to, and tells when that changes.
func (c *Containerizer) toldHealth(r *store.Record, path, event string, h mctr.Health, changed bool) {
	if err := recordHealth(path, h); err != nil {
		c.log.Error("record the health", "container", r.ID, "error", err)
	}
	if changed {
		c.store.Emit(r, event, map[string]string{"status": h.Status})
	}
}

// recordHealth gives up the last verdict where there is no room for two: one that does
// not hold any more is worse than none.
func recordHealth(path string, h mctr.Health) error {
	if atomicfile.WriteJSON(path, h) == nil {
		return nil
	}
	_ = os.Remove(path) // it may not be there
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

// verdict is what the last probe came to. Before the first, and where no disk had room for
// its record, a container with a check is starting; nil: it has none.
func verdict(path string, check *mctr.HealthCheck) *mctr.Health {
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

func (c *Containerizer) prober(id mctr.ContainerID, pid int, check *mctr.HealthCheck) health.Probe {
	parent := mctr.Parent{Pid: pid}
	switch {
	case check.HTTP != nil:
		return health.HTTP(parent.Namespace("net"), *check.HTTP)
	case check.TCP != nil:
		return health.TCP(parent.Namespace("net"), check.TCP.Port)
	}
	return func(ctx context.Context) (health.Answer, error) { return c.probeCommand(ctx, id, check.Command) }
}

// probeCommand runs the command in the container, and ends it with ctx.
func (c *Containerizer) probeCommand(ctx context.Context, id mctr.ContainerID,
	command []string) (health.Answer, error) {
	failed := health.Answer{ExitCode: -1}
	stream, err := c.exec(ctx, id, Exec{Args: command})
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
