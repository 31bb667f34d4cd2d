// Command mctr runs containers without a daemon. It is the command line of package containerizer. Its
// commands work like docker's commands of the same name.
package main

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr/cmd/mctr/container"
	"github.com/mctr/mctr/cmd/mctr/csi"
	"github.com/mctr/mctr/cmd/mctr/image"
	"github.com/mctr/mctr/cmd/mctr/internal/exit"
	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/cmd/mctr/network"
	"github.com/mctr/mctr/cmd/mctr/system"
	"github.com/mctr/mctr/cmd/mctr/volume"
	"github.com/mctr/mctr/internal/commandline"
)

// version is set by the linker.
var version = "development"

func main() { os.Exit(run(os.Args[1:])) }

// run returns the exit code: 0, the code of the task, 125 if mctr failed to run something, or 1 for
// any other failure.
func run(args []string) int {
	h := &hostapi.Host{Args: args, Version: version}
	root := command(h)
	root.SetArgs(args)
	err := root.ExecuteContext(context.Background())
	if err := h.Close(); err != nil {
		format.Complain(err)
	}
	var status exit.Status
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		if status.Err != nil {
			format.Complain(status.Err)
		}
		return status.Code
	}
	format.Complain(err)
	return 1
}

// command returns the tree of commands.
func command(h *hostapi.Host) *cobra.Command {
	root := &cobra.Command{
		Use:   "mctr [flags] COMMAND",
		Short: "Run containers, without a daemon",
		Long: `mctr runs images from registries or files in containers, with isolation, limits and
logs. It needs no daemon: each container has a small supervisor, mctr-shim.`,
		Example: `  mctr run --rm docker.io/library/alpine cat /etc/os-release
  mctr run -d --name web --memory 64m --pids-limit 100 oci:./web:latest
  mctr logs -f web`,
		SilenceUsage:      true,
		SilenceErrors:     true,
		PersistentPreRunE: h.Begin,
		Args:              commandline.NoSuchCommand,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		Version:           system.VersionLine(h.Version),
	}
	root.SetVersionTemplate("{{.Version}}\n")
	h.GlobalFlags(root.PersistentFlags())
	root.AddGroup(
		&cobra.Group{ID: "containers", Title: "Containers:"},
		&cobra.Group{ID: "images", Title: "Images:"},
		&cobra.Group{ID: "host", Title: "Host:"},
	)
	root.SetCompletionCommandGroupID("host")
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add("containers", container.Commands(h, image.Inspect)...)
	add("images", image.Commands(h)...)
	add("host", system.Commands(h)...)
	add("host", network.Command(h), volume.Command(h), csi.Command(h))
	root.AddCommand(system.Internal(h))
	commandline.Finish(root)
	root.SetHelpCommandGroupID("host")
	return root
}
