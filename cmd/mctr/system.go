package main

import (
	"github.com/spf13/cobra"
)

// groupCommand is a word before other commands, which by itself shows them.
func groupCommand(use, short string, below ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(below...)
	return cmd
}

func (a *app) systemCommand() *cobra.Command {
	cmd := groupCommand("system", "Look after the host's part: space, clean-up, facts", a.dfCommand(), a.systemPruneCommand(), a.infoCommand())
	cmd.Example = "  mctr system df\n  mctr system prune -f --filter until=24h"
	return cmd
}

// containerCommand has docker's longer names of the verbs for containers.
func (a *app) containerCommand() *cobra.Command {
	list := a.psCommand()
	list.Use, list.Aliases = "ls [flags]", []string{"list", "ps"}
	cmd := groupCommand("container", "The commands for containers by docker's longer names",
		list, a.containerPruneCommand(), a.runCommand(), a.createCommand(), a.startCommand(), a.logsCommand(), a.execCommand(), a.waitCommand(),
		a.stopCommand(), a.killCommand(), a.rmCommand(), a.inspectCommand(), a.topCommand(), a.statsCommand(), a.attachCommand(), a.pauseCommand(),
		a.unpauseCommand(), a.restartCommand(), a.renameCommand(), a.updateCommand(), a.cpCommand())
	cmd.Example = "  mctr container ls -a\n  mctr container prune -f"
	return cmd
}

// imageAliases are docker's longer names of the verbs for images.
func (a *app) imageAliases() []*cobra.Command {
	list, remove := a.imagesCommand(), a.rmiCommand()
	list.Use, list.Aliases = "ls [flags] [IMAGE]", []string{"list"}
	remove.Use, remove.Aliases = "rm [flags] IMAGE...", []string{"remove"}
	return []*cobra.Command{list, remove, a.imagePruneCommand(), a.pullCommand(), a.tagCommand(), a.loadCommand(), a.saveCommand()}
}
