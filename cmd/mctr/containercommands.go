package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr/internal/commandline"
)

// containerCommands are the verbs for containers, and the command container, which has them by
// docker's longer names. inspectImages is what inspect --type image does.
func containerCommands(a *app, inspectImages imageInspector) []*cobra.Command {
	return append(containerVerbs(a, inspectImages), a.psCommand(), a.bundleCommand(), a.explainCommand(),
		containerCommand(a, inspectImages))
}

// An imageInspector prints what is known of images, as JSON or by a Go template.
type imageInspector func(ctx context.Context, a *app, refs []string, layout string) error

// containerVerbs are the verbs that have a longer name too.
func containerVerbs(a *app, inspectImages imageInspector) []*cobra.Command {
	return []*cobra.Command{a.runCommand(), a.createCommand(), a.startCommand(), a.logsCommand(), a.execCommand(),
		a.waitCommand(), a.stopCommand(), a.killCommand(), a.rmCommand(), a.inspectCommand(inspectImages),
		a.topCommand(), a.statsCommand(), a.attachCommand(), a.pauseCommand(), a.unpauseCommand(), a.restartCommand(),
		a.renameCommand(), a.updateCommand(), a.cpCommand(), a.portCommand()}
}

// containerCommand has docker's longer names of the verbs for containers.
func containerCommand(a *app, inspectImages imageInspector) *cobra.Command {
	list := a.psCommand()
	list.Use, list.Aliases = "ls [flags]", []string{"list", "ps"}
	cmd := commandline.Group("container", "The commands for containers by docker's longer names",
		append(containerVerbs(a, inspectImages), list, a.containerPruneCommand())...)
	cmd.Example = "  mctr container ls -a\n  mctr container prune -f"
	return cmd
}
