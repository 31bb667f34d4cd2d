package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cni"
	"github.com/mctr/mctr/containerizer"
	openhost "github.com/mctr/mctr/containerizer/host"
	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/internal/hostflags"
	"github.com/mctr/mctr/provisioner"
)

// An app is what every command shares.
type app struct {
	args  []string // of the command line
	flags hostflags.Flags
	agent agentFlags

	version string // of this program
	verb    string // the command's, for what is refused
	opened  *openhost.Host
}

func (a *app) globalFlags(f *pflag.FlagSet) {
	a.flags = hostflags.Flags{
		LogLevel: env("MCTR_LOG_LEVEL", "warn"), LogFormat: os.Getenv("MCTR_LOG_FORMAT"),
		Config: openhost.Config{
			Root: os.Getenv("MCTR_ROOT"), State: os.Getenv("MCTR_STATE"), Owner: "cli",
			CNIConfigDirs: list("MCTR_CNI_CONFIG_DIR"), CNIPluginDirs: list("MCTR_CNI_PLUGIN_DIR"),
			CgroupManager: os.Getenv("MCTR_CGROUP_MANAGER"), Backend: os.Getenv("MCTR_BACKEND"),
		},
	}
	a.flags.Register(f, hostflags.Words{Program: "mctr", LogLevel: "mctr's own messages on stderr: ",
		CgroupManager: " (default: as other containers of the state directory have it, else cgroupfs)"})
	a.agent.register(f)
	f.VisitAll(func(flag *pflag.Flag) { _ = f.SetAnnotation(flag.Name, global, []string{"true"}) })
}

// env is the variable's value, or otherwise.
func env(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

// list is the variable's value, a path's form, or nothing.
func list(variable string) []string { return filepath.SplitList(os.Getenv(variable)) }

// begin makes what the global flags ask for. Their errors are exit codes of the
// command's, like those of its own flags.
func (a *app) begin(cmd *cobra.Command, _ []string) error {
	a.verb = cmd.CommandPath()
	if err := a.takeGlobals(); err != nil {
		return cmd.FlagErrorFunc()(cmd, err)
	}
	if err := checkFlags(cmd, a.agent.address); err != nil {
		return cmd.FlagErrorFunc()(cmd, err)
	}
	if cmd.Name() != "oci" { // which becomes another program with all that this one got
		chooseInheritance(a.remote())
	}
	return nil
}

func (a *app) takeGlobals() (err error) {
	if err := a.flags.TakeLog(stderr); err != nil {
		return err
	}
	if err := cgroup.CheckManager(a.flags.CgroupManager); err != nil {
		return err
	}
	if a.opened, err = a.flags.Open(); err != nil {
		return err
	}
	a.opened.ExitCommand, a.opened.WatchCommand = a.exitCommand("cleanup"), a.exitCommand("watch")
	return nil
}

// images opens the store.
func (a *app) images() (*provisioner.Provisioner, error) {
	if err := a.requireLocal(a.verb); err != nil {
		return nil, err
	}
	return a.opened.Images()
}

// containers opens the containerizer: hop 1 of a launch.
func (a *app) containers(ctx context.Context) (*containerizer.Containerizer, error) {
	if err := a.requireLocal(a.verb); err != nil {
		return nil, err
	}
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("%w: mctr must be run by root", mctr.ErrUnsupported)
	}
	return a.opened.Containers(ctx)
}

// networks are the CNI networks of this root.
func (a *app) networks() *cni.Networks { return a.opened.Networks() }

// container opens the containerizer and finds the container that ref names.
func (a *app) container(ctx context.Context, ref string) (*containerizer.Containerizer, mctr.ContainerID, error) {
	c, err := a.containers(ctx)
	if err != nil {
		return nil, "", err
	}
	id, err := c.Resolve(ref)
	return c, id, err
}

// changing is containers for a command that changes something: such a command
// first cleans up after containers that ended while nobody could.
func (a *app) changing(ctx context.Context) (*containerizer.Containerizer, error) {
	c, err := a.containers(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.CleanupEnded(ctx); err != nil {
		slog.New(a.opened.Log).Warn("clean up after ended containers", "error", err)
	}
	return c, nil
}

// exitCommand is what a shim runs after a container that nobody watches: this program, with the
// flags by which it finds the same plugins in whatever directory and environment.
func (a *app) exitCommand(verb string) []string {
	self, err := os.Executable()
	if err != nil {
		return nil
	}
	command := []string{self, "--root", a.opened.Root, "--state", a.opened.State,
		"--cni-timeout", a.opened.CNITimeout.String()}
	for _, dir := range a.opened.CNIPluginDirs {
		if abs, err := filepath.Abs(dir); err == nil {
			dir = abs
		}
		command = append(command, "--cni-plugin-dir", dir)
	}
	return append(command, "internal", verb)
}

func (a *app) close() error {
	if a.agent.connected != nil {
		return a.agent.connected.Close()
	}
	if a.opened == nil {
		return nil
	}
	return a.opened.Close()
}
