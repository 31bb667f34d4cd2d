package ociruntime

import (
	"errors"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func (r *runtime) start(args []string) (int, error) {
	id, c, err := r.parseContainer(newFlags("start"), args)
	if err != nil {
		return 1, err
	}
	s, err := c.State()
	if err != nil {
		return 1, err
	}
	if s.Status != specs.StateCreated {
		return 1, fmt.Errorf("container %s is %s: only a created container can be started", id, s.Status)
	}
	notify := newNotifier(r.root, id)
	if err := notify.bind(); err != nil {
		return 1, err
	}
	if err := c.Start(); err != nil {
		return 1, err
	}
	if err := c.RunPoststart(); err != nil {
		return 1, errors.Join(err, killAndDestroy(c))
	}
	return 0, notify.relay(c.Init().Pid)
}
