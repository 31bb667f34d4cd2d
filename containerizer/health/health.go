// Package health probes a running container: a command in it, an HTTP GET or a
// TCP connection on its own loopback, with Mesos' meaning of delay, interval,
// timeout, grace period and consecutive failures.
//
// HTTP and TCP probes start no process: a socket belongs to the network namespace
// of the thread that made it, so a thread enters the container's for a moment and
// is thrown away. Nothing on disk; in the kernel, sockets. Nothing survives a
// restart: the process that watches the container then goes on from what was last reported.
package health

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/mctr/mctr"
)

// A Probe asks once; nil is healthy, ErrNotNow neither that nor a failure. ctx ends
// at the check's timeout.
type Probe func(ctx context.Context) (Answer, error)

// An Answer is what a probe's command said, of any other probe nothing.
type Answer struct {
	ExitCode int // -1: it did not end by itself
	Output   string
}

// ErrNotNow says that the container cannot be asked: it is paused, or ending.
var ErrNotNow = errors.New("it cannot be asked now")

// A Checker runs one check.
type Checker struct {
	Check  mctr.HealthCheck
	Probe  Probe
	Report func(mctr.Health) // is told after each probe, by one goroutine

	Began time.Time    // when the container was started; zero: now
	Last  *mctr.Health // what another Checker of it reported last; nil: there was none
}

// Run probes until ctx ends.
func (c *Checker) Run(ctx context.Context) {
	check := WithDefaults(c.Check)
	health := mctr.Health{Status: mctr.HealthStarting}
	if c.Last != nil {
		health = *c.Last
	}
	began := c.Began
	if began.IsZero() {
		began = time.Now()
	}
	for wait := time.Duration(check.Delay) - time.Since(began); sleep(ctx, wait); wait = pause(check, health.Status,
		time.Since(began)) {
		p, asked := c.once(ctx, time.Duration(check.Timeout))
		if ctx.Err() != nil {
			return // the container's end, most likely: that is no failure of the probe's
		}
		if !asked {
			continue
		}
		counts := health.Status != mctr.HealthStarting || p.End.Sub(began) >= time.Duration(*check.Grace)
		health = health.With(p, counts, check.Failures)
		c.Report(health)
	}
}

// pause is the time between two probes, for a container that has been checked so long.
func pause(check mctr.HealthCheck, status string, checked time.Duration) time.Duration {
	if status == mctr.HealthStarting && checked < time.Duration(*check.Grace) {
		return time.Duration(check.StartInterval)
	}
	return time.Duration(check.Interval)
}

// once probes and gives the result, unless there was nothing to ask.
func (c *Checker) once(ctx context.Context, timeout time.Duration) (p mctr.Probe, asked bool) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	p.Start = time.Now().UTC()
	answer, err := c.Probe(ctx)
	if errors.Is(err, ErrNotNow) {
		return p, false
	}
	if err != nil {
		p.Error = err.Error()
	}
	p.End, p.ExitCode, p.Output = time.Now().UTC(), answer.ExitCode, answer.Output
	return p, true
}

// sleep reports whether ctx lasted so long.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return ctx.Err() == nil
	}
}

// WithDefaults fills in what a check leaves open.
func WithDefaults(c mctr.HealthCheck) mctr.HealthCheck {
	c.Interval = cmp.Or(c.Interval, mctr.Duration(10*time.Second))
	c.StartInterval = cmp.Or(c.StartInterval, c.Interval)
	c.Timeout = cmp.Or(c.Timeout, mctr.Duration(20*time.Second))
	if c.Grace == nil {
		c.Grace = new(mctr.Duration(10 * time.Second))
	}
	c.Failures = cmp.Or(c.Failures, 3)
	return c
}
