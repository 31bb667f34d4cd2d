package compare

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// A Contender does the same as others, in its own way.
type Contender struct {
	Name  string
	Round func() error
	CPU   []time.Duration // of this process, user and system, by round
	Wall  []time.Duration
}

// Race has contenders take turns, in a new order each round. It begins with a round
// that does not count.
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

// run pays for the garbage it leaves, and for nobody else's.
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

// CPU is what this process has used.
func CPU() time.Duration {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		return 0 // not reached: the arguments are right
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
