package compare

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// A Contender is one of several ways to do the same thing.
type Contender struct {
	Name  string
	Round func() error
	CPU   []time.Duration // user and system time of this process, one value for each round
	Wall  []time.Duration
}

// Race runs the contenders in turns, in a new order in each round. The first round does not count.
func Race(ctx context.Context, contenders []*Contender, rounds int) error {
	for round := range rounds + 1 {
		for _, i := range rand.Perm(len(contenders)) {
			if err := ctx.Err(); err != nil {
				return err
			}
			c := contenders[i]
			cpu, wall, err := c.run()
			if err != nil {
				return fmt.Errorf("%s: %w", c.Name, err)
			}
			if round > 0 {
				c.CPU, c.Wall = append(c.CPU, cpu), append(c.Wall, wall)
			}
		}
	}
	return nil
}

// run does one round of the contender. The garbage collections before and after let each contender
// pay for its own garbage alone.
func (c *Contender) run() (used, wall time.Duration, err error) {
	runtime.GC()
	before, began := CPU(), time.Now()
	if err := c.Round(); err != nil {
		return 0, 0, err
	}
	wall = time.Since(began)
	runtime.GC()
	return CPU() - before, wall, nil
}

// CPU returns the user and system time that this process has used.
func CPU() time.Duration {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		return 0 // not reached: the arguments are valid
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
