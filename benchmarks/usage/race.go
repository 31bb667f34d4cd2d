package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// A contender asks one container.
type contender struct {
	name string
	ask  func(i int) error
	took []time.Duration // of CPU, for each container, by round
}

// race begins with a round that does not count.
func race(ctx context.Context, contenders []*contender, o *options) error {
	for round := range o.rounds + 1 {
		for _, i := range rand.Perm(len(contenders)) {
			if err := ctx.Err(); err != nil {
				return err
			}
			c := contenders[i]
			took, err := c.all(o.containers)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			if round > 0 {
				c.took = append(c.took, took)
			}
		}
	}
	return nil
}

// all pays for the garbage it leaves, and for nobody else's.
func (c *contender) all(containers int) (time.Duration, error) {
	runtime.GC()
	before := cpu()
	for i := range containers {
		if err := c.ask(i); err != nil {
			return 0, err
		}
	}
	runtime.GC()
	return (cpu() - before) / time.Duration(containers), nil
}

// cpu is what this process has used.
func cpu() time.Duration {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		return 0 // not reached: the arguments are right
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
