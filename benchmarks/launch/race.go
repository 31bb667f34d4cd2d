package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// A contender is one way to run the container.
type contender struct {
	Name    string   `json:"name"`
	Note    string   `json:"note,omitempty"`
	Samples []sample `json:"-"`
	Wall    figures  `json:"wall"`
	CPU     figures  `json:"cpu"`
	Errors  int      `json:"errors"`
	Error   string   `json:"error,omitempty"` // the first one

	here bool // it works in this process, whose time is counted
	run  func(ctx context.Context) error
}

// A sample is one run: time from start until everything of it is released, and
// the processor time of everything that it started.
type sample struct {
	wall, cpu time.Duration
	failed    bool
}

// race has every contender run once a round, in a new order each. A failed run
// is counted, and is no figure.
func race(ctx context.Context, contenders []*contender, rounds int) error {
	order := rand.New(rand.NewPCG(1, 2))
	for _, c := range contenders {
		if _, err := c.measure(ctx); err != nil { // files and code are in memory from here on
			return err
		}
	}
	for range rounds {
		for _, i := range order.Perm(len(contenders)) {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			c := contenders[i]
			s, err := c.measure(ctx)
			if err != nil {
				return err
			}
			c.Samples = append(c.Samples, s)
		}
	}
	return nil
}

// measure runs the contender once. The error is the bench's own, not the run's.
func (c *contender) measure(ctx context.Context) (sample, error) {
	before, err := spent(c.here)
	if err != nil {
		return sample{}, err
	}
	start := time.Now()
	runErr := c.run(ctx)
	wall := time.Since(start)
	if err := drain(); err != nil {
		return sample{}, err
	}
	after, err := spent(c.here)
	if runErr != nil {
		c.Errors++
		if c.Error == "" {
			c.Error = fmt.Sprintf("%.300s", runErr)
		}
	}
	return sample{wall: wall, cpu: after - before, failed: runErr != nil}, err
}
