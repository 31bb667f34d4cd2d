package oci

import (
	"errors"
	"fmt"

	lc "github.com/opencontainers/runc/libcontainer"
)

func (r *runtime) start(args []string) (int, error) {
	id, err := parseID(newFlags("start"), args)
	if err != nil {
		return 1, err
	}
	c, err := r.load(id)
	if err != nil {
		return 1, err
	}
	status, err := c.Status()
	if err != nil {
		return 1, err
	}
	if status != lc.Created {
		return 1, fmt.Errorf("container %s is %s: only a created one can be started", id, status)
	}
	record, err := readRecord(r.dir(id))
	if err != nil {
		return 1, err
	}
	if record.NoProcess {
		return 1, fmt.Errorf("container %s has no process to start: "+
			"the config.json that it was created from has none (delete it, and create it from one that has)", id)
	}
	notify := newNotifier(r.root, id)
	if err := notify.bind(); err != nil {
		return 1, err
	}
	if err := c.Exec(); err != nil {
		return 1, err
	}
	if err := runPoststart(c, record.Hooks); err != nil {
		return 1, errors.Join(err, killAndDestroy(c))
	}
	state, err := c.State()
	if err != nil {
		return 1, err
	}
	return 0, notify.relay(state.InitProcessPid)
}
