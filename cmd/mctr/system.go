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

// containerCommand has docker's longer names of the verbs for containers.
func (a *app) containerCommand() *cobra.Command {
	list := a.psCommand()
	list.Use, list.Aliases = "ls [flags]", []string{"list", "ps"}
	cmd := commandline.Group("container", "The commands for containers by docker's longer names",
		list, a.containerPruneCommand(), a.runCommand(), a.createCommand(), a.startCommand(), a.logsCommand(),
		a.execCommand(), a.waitCommand(), a.stopCommand(), a.killCommand(), a.rmCommand(), a.inspectCommand(),
		a.topCommand(), a.statsCommand(), a.attachCommand(), a.pauseCommand(), a.unpauseCommand(), a.restartCommand(),
		a.renameCommand(), a.updateCommand(), a.cpCommand(), a.portCommand())
	cmd.Example = "  mctr container ls -a\n  mctr container prune -f"
	return cmd
}

// imageAliases are docker's longer names of the verbs for images.
func (a *app) imageAliases() []*cobra.Command {
	list, remove := a.imagesCommand(), a.rmiCommand()
	list.Use, list.Aliases = "ls [flags] [IMAGE]", []string{"list"}
	remove.Use, remove.Aliases = "rm [flags] IMAGE...", []string{"remove"}
	return []*cobra.Command{list, remove, a.imagePruneCommand(), a.pullCommand(), a.tagCommand(), a.loadCommand(),
		a.saveCommand()}
}
