package ociruntime

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/opencontainers/runc/types"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/engine"
)

// events prints resource usage and OOM kills as JSON objects, one per line.
func (r *runtime) events(args []string) (int, error) {
	var stats bool
	interval := 5 * time.Second
	f := newFlags("events")
	f.BoolVar(&stats, "stats", false, "print resource usage once")
	f.DurationVar(&interval, "interval", interval, "interval at which resource usage is printed")
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
	s, err := c.State()
	if err != nil {
		return 1, err
	}
	if s.Status == specs.StateStopped {
		return 1, fmt.Errorf("container %s is not running", id)
	}
	meter, ok := c.(engine.Meter)
	if !ok {
		return 1, fmt.Errorf("%w: events: this engine does not report resource usage", mctr.ErrUnsupported)
	}
	if stats {
		return 0, r.measure(meter, id)
	}
	return 0, r.watch(meter, id, interval)
}

// watch prints events until the container's cgroup is removed.
func (r *runtime) watch(c engine.Meter, id string, interval time.Duration) error {
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
			err = r.printEvent("oom", id, nil)
		case <-tick.C:
			err = r.measure(c, id)
		}
		if err != nil {
			return err
		}
	}
}

func (r *runtime) measure(c engine.Meter, id string) error {
	s, err := c.Stats()
	if err != nil {
		return err
	}
	return r.printEvent("stats", id, s)
}

func (r *runtime) printEvent(kind, id string, data any) error {
	return json.NewEncoder(r.stdout).Encode(types.Event{Type: kind, ID: id, Data: data})
}
