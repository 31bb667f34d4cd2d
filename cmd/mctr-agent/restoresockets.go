package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/flock"
)

// checkInterval is how often the agent looks for what it made in STATE.
const checkInterval = time.Second

// A endpointKeeper is what others find the agent by: the lock of its name, and its sockets. Where
// STATE is deleted, or a filesystem is mounted over it, the agent makes them again: else
// clients would not reach the agent, and a second agent of its name could begin.
type endpointKeeper struct {
	*service
	lock    *flock.Lock
	sockets []listener
	serve   func(listener) // does not wait
	said    string         // of the last look, to say it once
}

// run looks until ctx ends. The error is that another agent took the name.
func (p *endpointKeeper) run(ctx context.Context) error {
	ticker := time.NewTicker(checkInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		err := p.restoreMissing(ctx)
		if errors.Is(err, mctr.ErrExists) {
			return err
		}
		said := ""
		if err != nil && ctx.Err() == nil {
			said = err.Error()
		}
		if said != "" && said != p.said {
			p.log.Error("what this agent is found by is gone, and cannot be made again yet", "error", err)
		}
		p.said = said
	}
}

func (p *endpointKeeper) restoreMissing(ctx context.Context) error {
	if isGone(p.lockFile()) {
		lock, err := lockName(ctx, p.flags)
		if err != nil {
			return err
		}
		_ = p.lock.Unlock() // of a file that is gone
		p.lock = lock
		p.log.Warn("made the lock of this agent's name again: it was deleted or hidden", "path", p.lockFile())
	}
	var errs []error
	for _, l := range p.sockets {
		if l.path == "" || !isGone(l.path) {
			continue
		}
		again, err := p.open("unix://" + l.path)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		p.log.Warn("made a socket again: it was deleted or hidden", "address", "unix://"+l.path)
		p.serve(again) // beside the old one, which has clients and may come to light again
	}
	return errors.Join(errs...)
}

func isGone(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, os.ErrNotExist)
}
