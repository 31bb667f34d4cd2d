package ociruntime

import (
	"errors"
	"fmt"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"
)

func (r *runtime) run(args []string) (int, error) {
	c := &creation{start: start{init: true}}
	f := newFlags("run")
	c.register(f)
	boolVar(f, &c.detach, "detach", "d", "do not wait for the container to exit")
	f.BoolVar(&c.keep, "keep", false, "keep the container after it has exited")
	f.BoolVar(&c.noSubreaper, "no-subreaper", false, "do not adopt the container's orphans")
	id, err := parseID(f, args)
	if err != nil {
		return 1, err
	}
	options, err := r.prepare(c, id)
	if err != nil {
		return 1, err
	}
	if options.Spec.Process == nil {
		return 1, errors.New("config.json has no process to run (create accepts that)")
	}
	signals := listen()
	if !c.noSubreaper {
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
			return 1, err
		}
	}
	b, err := r.begin(c, options)
	if err != nil {
		return 1, errors.Join(err, c.undo())
	}
	if err = c.notify.bind(); err == nil {
		err = c.container.Start()
	}
	if err == nil {
		err = c.container.RunPoststart()
	}
	if err != nil {
		b.killAndReap()
		return 1, errors.Join(err, c.container.Delete())
	}
	return c.finish(b, signals)
}

// finish waits for the container to exit and deletes it, unless it is detached. The exit code is
// the container's even if the deletion fails.
func (c *creation) finish(b *startedProcess, signals signals) (int, error) {
	if c.detach {
		return 0, c.notify.relay(b.Pid)
	}
	go func() { _ = c.notify.relay(b.Pid) }()
	code := b.supervise(signals)
	if c.keep {
		return code, nil
	}
	if err := c.container.Delete(); err != nil {
		logrus.Error(
			fmt.Errorf("the container has exited, but could not be fully deleted (try delete --force): %w", err))
	}
	return code, nil
}
