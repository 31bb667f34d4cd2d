package containerizer

import (
	"fmt"
	"slices"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/store"
)

// effectiveCommands are the commands of a launch: this process' own, or those of the container.
func (l *launch) effectiveCommands() *store.Commands {
	if l.commands.None() && !l.record.Commands.None() {
		return l.record.Commands
	}
	return &l.commands
}

// checkSupervised refuses to start a container of another owner that no process would look after
// once this process has gone: its owner does not know that it was started, and there
// are no commands.
func (l *launch) checkSupervised() error {
	owner := l.record.Config.Owner
	if l.options.restart != nil || owner == l.owner || !l.effectiveCommands().None() {
		return nil
	}
	return fmt.Errorf("%w: container %s belongs to %q, and no process would look after it once %q is gone: start it "+
		"through that agent, or by \"mctr start\"", mctr.ErrState, l.record.ID.Short(), owner, l.owner)
}

func (l *launch) exitCommand() []string {
	commands := l.effectiveCommands()
	if !l.record.Config.Restart.Never() && len(commands.Restart) > 0 { // recorded by an earlier build
		return l.argv(commands.Restart)
	}
	return l.argv(commands.Exit)
}

// watchCommand is for a container of which something has to be looked at again and
// again.
func (l *launch) watchCommand() []string {
	if l.health == nil && l.record.Config.Ready == nil && !l.watchful {
		return nil
	}
	return l.argv(l.effectiveCommands().Watch)
}

func (l *launch) argv(argv []string) []string {
	if len(argv) == 0 {
		return nil
	}
	return append(slices.Clone(argv), string(l.record.ID))
}
