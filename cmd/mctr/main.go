// Command mctr runs containers without a daemon: package containerizer at a
// prompt. Every verb reads as docker's of the same name.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr/internal/commandline"
	"github.com/mctr/mctr/internal/visible"
)

// version is set by the linker.
var version = "development"

func main() { os.Exit(run(os.Args[1:])) }

// run gives the exit code: 0, the task's own, 125 when mctr failed at running
// something, 1 when it failed at anything else.
func run(args []string) int {
	a := &app{args: args, version: version}
	root := command(a)
	root.SetArgs(args)
	err := root.ExecuteContext(context.Background())
	if err := a.close(); err != nil {
		complain(err)
	}
	var status exitStatus
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		if status.err != nil {
			complain(status.err)
		}
		return status.code
	}
	complain(err)
	return 1
}

// complain says what went wrong, on one line where that is possible, in the words of the
// command line. Very long paths are cut.
func complain(err error) {
	var parts []string
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimSpace(line); line != "" {
			parts = append(parts, line)
		}
	}
	fmt.Fprintln(stderr, "mctr:", visible.Short(inFlags(strings.Join(parts, "; "))))
}

// An exitStatus is an error that asks for an exit code. Without err it is
// silent: the task's own code.
type exitStatus struct {
	code int
	err  error
}

func (e exitStatus) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.code)
	}
	return e.err.Error()
}

func (e exitStatus) Unwrap() error { return e.err }

// command is the tree of commands.
func command(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "mctr [flags] COMMAND",
		Short: "Run containers, without a daemon",
		Long: `mctr takes container images from registries or files and runs them isolated,
limited and with their output kept. No daemon is needed: a small supervisor,
mctr-shim, stays with each container.`,
		Example: `  mctr run --rm docker.io/library/alpine cat /etc/os-release
  mctr run -d --name web --memory 64m --pids-limit 100 oci:./web:latest
  mctr logs -f web`,
		SilenceUsage:      true,
		SilenceErrors:     true,
		PersistentPreRunE: a.begin,
		Args:              commandline.NoSuchCommand,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		Version:           versionLine(a.version),
	}
	root.SetVersionTemplate("{{.Version}}\n")
	a.globalFlags(root.PersistentFlags())
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
	add("containers", containerCommands(a, inspectImages)...)
	add("images", imageCommands(a)...)
	add("host", systemCommands(a)...)
	add("host", networkCommand(a))
	root.AddCommand(internalCommand(a))
	commandline.Finish(root)
	root.SetHelpCommandGroupID("host")
	return root
}
