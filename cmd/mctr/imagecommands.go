package main

import (
	"github.com/spf13/cobra"

	"github.com/mctr/mctr/internal/commandline"
)

// imageCommands are the verbs for images, and the command image, which has them by docker's
// longer names.
func imageCommands(a *app) []*cobra.Command {
	return []*cobra.Command{a.pullCommand(), a.imagesCommand(), imageCommand(a), a.rmiCommand(), a.pruneCommand(),
		a.tagCommand(), a.loadCommand(), a.saveCommand(), a.loginCommand(), a.logoutCommand()}
}

func imageCommand(a *app) *cobra.Command {
	list, remove := a.imagesCommand(), a.rmiCommand()
	list.Use, list.Aliases = "ls [flags] [IMAGE]", []string{"list"}
	remove.Use, remove.Aliases = "rm [flags] IMAGE...", []string{"remove"}
	cmd := commandline.Group("image", "Look at images, and the commands for them by docker's longer names",
		list, remove, a.imagePruneCommand(), a.pullCommand(), a.tagCommand(), a.loadCommand(), a.saveCommand(),
		a.inspectImagesCommand(), a.unpackCommand())
	cmd.Example = "  mctr image inspect alpine\n  mctr image ls"
	return cmd
}
