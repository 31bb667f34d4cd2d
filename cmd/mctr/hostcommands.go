package main

import (
	"context"
	"fmt"
	"os"
	"runtime"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/internal/buildinfo"
	"github.com/mctr/mctr/internal/doctor"
)

func (a *app) bundleCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "bundle CONTAINER DIR",
		Short:             "Write a container's OCI bundle, for any runtime to run",
		Example:           "  mctr bundle web /tmp/web && runc run --bundle /tmp/web web2",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeContainers,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, id, err := a.container(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return c.Export(cmd.Context(), id, args[1])
		},
	}
}

func (a *app) reconcileCommand() *cobra.Command {
	var dryRun, asJSON bool
	cmd := &cobra.Command{
		Use:   "reconcile [flags]",
		Short: "Find and undo what no container accounts for",
		Long: `Find what is left of containers that crashed, were killed or lost their
supervisor: processes, control groups, mounts, directories, leases. Each is named
with its owner, the evidence and what is done about it. Only what mctr's own
records prove to be its own is touched. A container that its restart policy was
about to start is started, where who was to do that was killed.`,
		Example: "  mctr reconcile --dry-run\n  mctr reconcile",
		Args:    cobra.NoArgs, ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.api(cmd.Context())
			if err != nil {
				return err
			}
			act := c.Reconcile
			if dryRun {
				act = c.Leftovers
			}
			found, err := act(cmd.Context())
			if printErr := printLeftovers(found, asJSON); printErr != nil {
				return printErr
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only say what is found and what would be done")
	cmd.Flags().BoolVar(&asJSON, "json", false, "one object a line")
	return cmd
}

func printLeftovers(found []mctr.Leftover, asJSON bool) error {
	if asJSON {
		return jsonLines(os.Stdout, anys(found))
	}
	for _, l := range found {
		fmt.Fprintln(stdout, l)
	}
	return nil
}

// versionInfo is what version --json prints.
type versionInfo struct {
	Version, Commit, Go, OS, Arch, OCI string

	Agent    *api.VersionInfo `json:",omitempty"` // that --agent asks
	Programs []doctor.Program // of this host
}

func (a *app) versionCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Show the versions of mctr's programs and plugins",
		Long: "Show the versions of mctr, of its other programs and of the plugins, and where\n" +
			"programs are of different builds.",
		Example: "  mctr version --json",
		Args:    cobra.NoArgs, ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := versionInfo{Version: a.version, Commit: buildinfo.Commit(), Go: runtime.Version(), OS: runtime.GOOS,
				Arch: runtime.GOARCH, OCI: specs.Version}
			if err := a.agentVersion(cmd.Context(), &v); err != nil {
				return err
			}
			v.Programs = doctor.Host{PluginDirs: a.networks().PluginDirs(), Programs: containerizer.FindPrograms(),
				Shim: containerizer.ExamineShim}.Builds()
			if asJSON {
				return printJSON(os.Stdout, v)
			}
			fmt.Println(versionLine(a.version))
			if v.Agent != nil {
				fmt.Printf("mctr-agent %s, commit %s, at %s\n", v.Agent.Version, v.Agent.GitSHA, a.agent.address)
				if v.Agent.GitSHA != v.Commit || v.Agent.Version != v.Version {
					fmt.Println("  it is of another build than this program")
				}
			}
			printPrograms(v.Programs)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

// versionLine is what version and --version print of mctr.
func versionLine(version string) string {
	return fmt.Sprintf("mctr %s, commit %s, %s %s/%s, OCI runtime-spec %s",
		version, buildinfo.Commit(), runtime.Version(), runtime.GOOS, runtime.GOARCH, specs.Version)
}

// agentVersion asks the agent, if the command is about one.
func (a *app) agentVersion(ctx context.Context, v *versionInfo) error {
	if !a.remote() {
		return nil
	}
	c, err := a.agent.connect()
	if err != nil {
		return err
	}
	info, err := c.Version(ctx)
	v.Agent = &info
	return err
}

// internalCommand is what mctr's own programs call.
func internalCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "internal", Hidden: true, Short: "For mctr's own programs"}
	cmd.AddCommand(
		a.exitCommandOf("cleanup ID",
			"Release a container that has exited, and follow its restart policy: a shim's exit command",
			(*containerizer.Containerizer).Exited),
		a.exitCommandOf("restart ID", "The same as cleanup: shims of earlier builds run it",
			(*containerizer.Containerizer).Exited),
		a.exitCommandOf("watch ID",
			"Probe a container until it exits: what a shim runs beside a container that no process watches",
			(*containerizer.Containerizer).Watch),
	)
	return cmd
}

func (a *app) exitCommandOf(use, short string,
	do func(*containerizer.Containerizer, context.Context, mctr.ContainerID) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.containers(cmd.Context())
			if err != nil {
				return err
			}
			return do(c, context.WithoutCancel(cmd.Context()), mctr.ContainerID(args[0]))
		},
	}
}
