// Package volume has the commands of mctr for named volumes. The package creates nothing itself; package
// containerizer or the agent creates volumes.
package volume

import (
	"github.com/spf13/cobra"

	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/cmd/mctr/internal/prune"
	"github.com/mctr/mctr/internal/commandline"
)

// Command returns the command volume with its subcommands.
func Command(h *hostapi.Host) *cobra.Command {
	cmd := commandline.Group("volume", "Create, show and remove named volumes",
		createCommand(h), lsCommand(h), inspectCommand(h), rmCommand(h), prune.VolumeCommand(h), dfCommand(h),
		expandCommand(h))
	cmd.Long = `Create, show and remove named volumes: storage that outlives the containers that use it.
A volume named in mctr run that does not exist is created.`
	cmd.Example = "  mctr volume create data\n  mctr run --rm -v data:/var/lib/data debian touch /var/lib/data/x\n" +
		"  mctr volume inspect data"
	return cmd
}
