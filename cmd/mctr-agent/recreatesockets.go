package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/flock"
)

// checkInterval is the time between two checks of the agent's files in STATE.
const checkInterval = time.Second

// An endpointKeeper keeps the lock of the agent's name and the agent's sockets. If STATE is deleted, or
// hidden by a mount, it creates them again. Otherwise clients could not reach the agent, and a second
// agent with the same name could start.
type endpointKeeper struct {
	*service
	lock    *flock.Lock
	sockets []listener
	serve   func(listener) // returns at once
	said    string         // last error, to log it only once
}

// run checks the files until ctx ends. It fails if another agent has taken the name.
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
			p.log.Error("the lock or a socket of this agent was removed, and cannot be created again yet", "error", err)
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
		p.lock.Unlock() // the file of this lock was removed
		p.lock = lock
		p.log.Warn("created the lock of this agent's name again: it was deleted or hidden", "path", p.lockFile())
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
		p.log.Warn("created a socket again: it was deleted or hidden", "address", "unix://"+l.path)
		p.serve(again) // in addition to the old socket, which may have clients and become visible again
	}
	return errors.Join(errs...)
}

func isGone(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, os.ErrNotExist)
}
