package containerizer

import (
	"fmt"
	"slices"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/store"
)

// effectiveCommands returns the commands of this process, or else those in the container's record.
func (l *launch) effectiveCommands() *store.Commands {
	if l.commands.None() && !l.record.Commands.None() {
		return l.record.Commands
	}
	return &l.commands
}

// checkSupervised returns an error for a container of another owner that no process would look
// after once this process exits: its owner does not know that it was started, and its record has
// no commands.
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

// watchCommand returns the command for a container that has probes or an isolator that must
// watch it.
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
