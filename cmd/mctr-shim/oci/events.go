package oci

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	lc "github.com/opencontainers/runc/libcontainer"
	"github.com/opencontainers/runc/types"
)

// events prints figures, and what ran out of memory, a JSON object a line.
func (r *runtime) events(args []string) (int, error) {
	var stats bool
	interval := 5 * time.Second
	f := newFlags("events")
	f.BoolVar(&stats, "stats", false, "print the figures once")
	f.DurationVar(&interval, "interval", interval, "how often to print the figures")
	id, err := parseID(f, args)
	if err != nil {
		return 1, err
	}
	if interval <= 0 {
		return 1, errors.New("--interval must be greater than 0")
	}
	c, err := r.load(id)
	if err != nil {
		return 1, err
	}
	status, err := c.Status()
	if err != nil {
		return 1, err
	}
	if status == lc.Stopped {
		return 1, fmt.Errorf("container %s is not running", id)
	}
	if stats {
		return 0, r.measure(c)
	}
	return 0, r.watch(c, interval)
}

// watch goes on until the container's control group is gone.
func (r *runtime) watch(c *lc.Container, interval time.Duration) error {
	oom, err := c.NotifyOOM()
	if err != nil {
		return err
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case _, more := <-oom:
			if !more {
				return nil
			}
			err = r.printEvent("oom", c.ID(), nil)
		case <-tick.C:
			err = r.measure(c)
		}
		if err != nil {
			return err
		}
	}
}

func (r *runtime) measure(c *lc.Container) error {
	s, err := c.Stats()
	if err != nil {
		return err
	}
	return r.printEvent("stats", c.ID(), statsOf(s))
}

func (r *runtime) printEvent(kind, id string, data any) error {
	return json.NewEncoder(r.stdout).Encode(types.Event{Type: kind, ID: id, Data: data})
}
