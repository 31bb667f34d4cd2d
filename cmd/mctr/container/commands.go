// Package container has the commands of mctr for containers: run, create, start, exec, attach,
// logs, stop, kill, rm, wait, ps, inspect and the others. It creates what the flag --cidfile and
// the destinations of cp and bundle name; all else is the containerizer's or the agent's.
package container

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/cmd/mctr/internal/prune"
	"github.com/mctr/mctr/internal/commandline"
)

// Commands are the verbs for containers, and the command container, which has them by
// docker's longer names. inspectImages is what inspect --type image does.
func Commands(h *hostapi.Host, inspectImages ImageInspector) []*cobra.Command {
	return append(containerVerbs(h, inspectImages), psCommand(h), bundleCommand(h), explainCommand(h),
		containerCommand(h, inspectImages))
}

// An ImageInspector prints what is known of images, as JSON or by a Go template.
type ImageInspector func(ctx context.Context, h *hostapi.Host, refs []string, layout string) error

// containerVerbs are the verbs that have a longer name too.
func containerVerbs(h *hostapi.Host, inspectImages ImageInspector) []*cobra.Command {
	return []*cobra.Command{runCommand(h), createCommand(h), startCommand(h), logsCommand(h), execCommand(h),
		waitCommand(h), stopCommand(h), killCommand(h), rmCommand(h), inspectCommand(h, inspectImages),
		topCommand(h), statsCommand(h), attachCommand(h), pauseCommand(h), unpauseCommand(h), restartCommand(h),
		renameCommand(h), updateCommand(h), cpCommand(h), portCommand(h)}
}

// containerCommand has docker's longer names of the verbs for containers.
func containerCommand(h *hostapi.Host, inspectImages ImageInspector) *cobra.Command {
	list := psCommand(h)
	list.Use, list.Aliases = "ls [flags]", []string{"list", "ps"}
	cmd := commandline.Group("container", "The commands for containers by docker's longer names",
		append(containerVerbs(h, inspectImages), list, prune.ContainerCommand(h))...)
	cmd.Example = "  mctr container ls -a\n  mctr container prune -f"
	return cmd
}
