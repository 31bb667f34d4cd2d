package containerizer

import (
	"fmt"
	"slices"

	"github.com/mctr/mctr"
)

// commands are what a shim runs, with the container's id as last argument, while no
// process stays with its container. They are the container's: in its record, for a
// process to start it again that has none of its own.
type commands struct {
	Exit    []string `json:"exit,omitempty"`
	Restart []string `json:"restart,omitempty"` // in place of Exit, where there is a policy
	Watch   []string `json:"watch,omitempty"`
}

func (c *commands) none() bool {
	return c == nil || len(c.Exit) == 0 && len(c.Restart) == 0 && len(c.Watch) == 0
}

// stands are the commands of a launch: this process' own, or those of the container.
func (l *launch) stands() *commands {
	if l.commands.none() && !l.record.Commands.none() {
		return l.record.Commands
	}
	return &l.commands
}

// mayKeep refuses to start a container of another owner that nobody would look after
// once this process has gone: its owner does not know that it was started, and there
// are no commands.
func (l *launch) mayKeep() error {
	owner := l.record.Config.Owner
	if l.options.Again || owner == l.owner || !l.stands().none() {
		return nil
	}
	return fmt.Errorf("%w: container %s belongs to %q, and nobody would look after it once %q is gone: start it "+
		"through that agent, or by \"mctr start\"", mctr.ErrState, l.record.ID.Short(), owner, l.owner)
}

func (l *launch) exitCommand() []string {
	stands := l.stands()
	if !l.record.Config.Restart.Never() && len(stands.Restart) > 0 {
		return l.with(stands.Restart)
	}
	return l.with(stands.Exit)
}

// watchCommand is for a container of which something has to be looked at again and
// again.
func (l *launch) watchCommand() []string {
	listen := l.record.Config.Listen
	if l.health == nil && l.record.Config.Ready == nil && (listen == nil || !listen.End) {
		return nil
	}
	return l.with(l.stands().Watch)
}

func (l *launch) with(argv []string) []string {
	if len(argv) == 0 {
		return nil
	}
	return append(slices.Clone(argv), string(l.record.ID))
}
