// Package image has the commands of mctr for images: pull, images, rmi, prune, tag, load, save, login,
// logout, and image with unpack. It creates the archives of save, the bundles of unpack, and the
// credentials of login; the image store creates everything else.
package image

import (
	"github.com/spf13/cobra"

	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/cmd/mctr/internal/prune"
	"github.com/mctr/mctr/internal/commandline"
)

// Commands returns the commands for images, and the command image, which has the same commands under
// docker's longer names.
func Commands(h *hostapi.Host) []*cobra.Command {
	return []*cobra.Command{pullCommand(h), imagesCommand(h), imageCommand(h), rmiCommand(h), pruneCommand(h),
		tagCommand(h), loadCommand(h), saveCommand(h), loginCommand(h), logoutCommand(h)}
}

func imageCommand(h *hostapi.Host) *cobra.Command {
	list, remove := imagesCommand(h), rmiCommand(h)
	list.Use, list.Aliases = "ls [flags] [IMAGE]", []string{"list"}
	remove.Use, remove.Aliases = "rm [flags] IMAGE...", []string{"remove"}
	cmd := commandline.Group("image", "Commands for images, under docker's longer names",
		list, remove, prune.ImageCommand(h), pullCommand(h), tagCommand(h), loadCommand(h), saveCommand(h),
		inspectCommand(h), unpackCommand(h))
	cmd.Example = "  mctr image inspect alpine\n  mctr image ls"
	return cmd
}
