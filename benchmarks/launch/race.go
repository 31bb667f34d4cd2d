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
	Error   string   `json:"error,omitempty"` // the first error

	here bool // the contender works in this process, whose time counts too
	run  func(ctx context.Context) error
}

// A sample is one run: the time from the start until everything is released, and the processor time
// of everything that the run started.
type sample struct {
	wall, cpu time.Duration
	failed    bool
}

// race runs every contender once in each round, in a new order. A failed run is counted and has no
// figures.
func race(ctx context.Context, contenders []*contender, rounds int) error {
	order := rand.New(rand.NewPCG(1, 2))
	for _, c := range contenders {
		if _, err := c.measure(ctx); err != nil { // brings files and code into memory
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

// measure runs the contender once. An error is the bench's own; a failure of the run is recorded.
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
