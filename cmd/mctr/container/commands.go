// Package container has the commands of mctr for containers: run, create, start, exec, attach, logs,
// stop, kill, rm, wait, ps, inspect and the others. It creates the file of --cidfile and the
// destinations of cp and bundle; the containerizer or the agent creates everything else.
package container

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/cmd/mctr/internal/prune"
	"github.com/mctr/mctr/internal/commandline"
)

// Commands returns the commands for containers, and the command container, which has the same
// commands under docker's longer names. inspectImages implements inspect --type image.
func Commands(h *hostapi.Host, inspectImages ImageInspector) []*cobra.Command {
	return append(containerVerbs(h, inspectImages), psCommand(h), bundleCommand(h), explainCommand(h),
		containerCommand(h, inspectImages))
}

// An ImageInspector prints images as JSON or with a Go template.
type ImageInspector func(ctx context.Context, h *hostapi.Host, refs []string, layout string) error

// containerVerbs returns the commands that also have a longer name.
func containerVerbs(h *hostapi.Host, inspectImages ImageInspector) []*cobra.Command {
	return []*cobra.Command{runCommand(h), createCommand(h), startCommand(h), logsCommand(h), execCommand(h),
		waitCommand(h), stopCommand(h), killCommand(h), rmCommand(h), inspectCommand(h, inspectImages),
		topCommand(h), statsCommand(h), attachCommand(h), pauseCommand(h), unpauseCommand(h), restartCommand(h),
		renameCommand(h), updateCommand(h), cpCommand(h), portCommand(h)}
}

// containerCommand returns the command container, with docker's longer names of the commands.
func containerCommand(h *hostapi.Host, inspectImages ImageInspector) *cobra.Command {
	list := psCommand(h)
	list.Use, list.Aliases = "ls [flags]", []string{"list", "ps"}
	cmd := commandline.Group("container", "Commands for containers, under docker's longer names",
		append(containerVerbs(h, inspectImages), list, prune.ContainerCommand(h))...)
	cmd.Example = "  mctr container ls -a\n  mctr container prune -f"
	return cmd
}
