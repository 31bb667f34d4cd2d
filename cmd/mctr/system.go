package main

import (
	"github.com/spf13/cobra"

	"github.com/mctr/mctr/internal/commandline"
)

func (a *app) systemCommand() *cobra.Command {
	cmd := commandline.Group("system", "Look after the host's part: space, clean-up, facts", a.dfCommand(),
		a.systemPruneCommand(), a.infoCommand())
	cmd.Example = "  mctr system df\n  mctr system prune -f --filter until=24h"
	return cmd
}

// systemCommands are the commands about this host, and about mctr itself.
func systemCommands(a *app) []*cobra.Command {
	return []*cobra.Command{a.infoCommand(), a.doctorCommand(), a.eventsCommand(), a.reconcileCommand(),
		a.versionCommand(), a.ociCommand(), a.systemCommand(), a.manCommand()}
}
