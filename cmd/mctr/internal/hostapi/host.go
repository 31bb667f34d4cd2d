// Package hostapi opens the host that the global flags select: this host, or the host of the agent
// that --agent names. Commands use both through the interfaces of package agent.
package hostapi

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cmd/mctr/internal/flags"
	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/cmd/mctr/internal/session"
	"github.com/mctr/mctr/cni"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/containerizer/host"
	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/internal/hostflags"
	"github.com/mctr/mctr/provisioner"
)

// A Host is the host that a command works on: this host, or the host of an agent.
type Host struct {
	Args  []string // arguments of the command line
	Flags hostflags.Flags
	Agent agentFlags

	Version string // version of this program
	Verb    string // name of the command, for errors
	Local   *host.Host
}

// GlobalFlags registers the flags that every command has.
func (h *Host) GlobalFlags(f *pflag.FlagSet) {
	h.Flags = hostflags.Flags{
		LogLevel: cmp.Or(os.Getenv("MCTR_LOG_LEVEL"), "warn"), LogFormat: os.Getenv("MCTR_LOG_FORMAT"),
		Config: host.Config{
			Root: os.Getenv("MCTR_ROOT"), State: os.Getenv("MCTR_STATE"), Owner: "cli",
			CNIConfigDirs: filepath.SplitList(os.Getenv("MCTR_CNI_CONFIG_DIR")),
			CNIPluginDirs: filepath.SplitList(os.Getenv("MCTR_CNI_PLUGIN_DIR")),
			CgroupManager: os.Getenv("MCTR_CGROUP_MANAGER"), Backend: os.Getenv("MCTR_BACKEND"),
		},
	}
	h.Flags.Register(f, hostflags.Words{Program: "mctr", LogLevel: "mctr's own messages on stderr: ",
		CgroupManager: " (default: that of other containers in the state directory, or cgroupfs)"})
	h.Agent.register(f)
	f.VisitAll(func(flag *pflag.Flag) { _ = f.SetAnnotation(flag.Name, flags.Global, []string{"true"}) })
}

// Begin reads the global flags and checks all flags. Errors have the same exit code as errors about the
// command's own flags.
func (h *Host) Begin(cmd *cobra.Command, _ []string) error {
	h.Verb = cmd.CommandPath()
	if err := h.Open(); err != nil {
		return cmd.FlagErrorFunc()(cmd, err)
	}
	if err := flags.Check(cmd, h.Agent.Address); err != nil {
		return cmd.FlagErrorFunc()(cmd, err)
	}
	if cmd.Name() != "oci" { // which is replaced by a program that needs everything this process has inherited
		session.ChooseInheritance(h.Remote())
	}
	return nil
}

// Open reads the global flags.
func (h *Host) Open() (err error) {
	if err := h.Flags.TakeLog(format.Stderr); err != nil {
		return err
	}
	if err := cgroup.CheckManager(h.Flags.CgroupManager); err != nil {
		return err
	}
	if h.Local, err = h.Flags.Open(); err != nil {
		return err
	}
	h.Local.ExitCommand, h.Local.WatchCommand = h.exitCommand("cleanup"), h.exitCommand("watch")
	return nil
}

// Images opens the image store of this host.
func (h *Host) Images() (*provisioner.Provisioner, error) {
	if err := h.requireLocal(h.Verb); err != nil {
		return nil, err
	}
	return h.Local.Images()
}

// Containers opens the containerizer of this host. It fails unless the caller is root.
func (h *Host) Containers(ctx context.Context) (*containerizer.Containerizer, error) {
	if err := h.requireLocal(h.Verb); err != nil {
		return nil, err
	}
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("%w: mctr must be run by root", mctr.ErrUnsupported)
	}
	return h.Local.Containers(ctx)
}

// Networks returns the CNI networks of this host.
func (h *Host) Networks() *cni.Networks { return h.Local.Networks() }

// Container opens the containerizer and finds the container that ref names.
func (h *Host) Container(ctx context.Context, ref string) (*containerizer.Containerizer, mctr.ContainerID, error) {
	c, err := h.Containers(ctx)
	if err != nil {
		return nil, "", err
	}
	id, err := c.Resolve(ref)
	return c, id, err
}

// changing is Containers for a command that changes something. It first cleans up after containers
// that exited when no process was running to do so.
func (h *Host) changing(ctx context.Context) (*containerizer.Containerizer, error) {
	c, err := h.Containers(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.CleanupEnded(ctx); err != nil {
		slog.New(h.Local.Log).Warn("clean up after ended containers", "error", err)
	}
	return c, nil
}

// exitCommand returns the command that a shim runs for a container without a supervisor: this program,
// with flags that make it find the same directories and plugins in any environment.
func (h *Host) exitCommand(verb string) []string {
	self, err := os.Executable()
	if err != nil {
		return nil
	}
	command := []string{self, "--root", h.Local.Root, "--state", h.Local.State,
		"--cni-timeout", h.Local.CNITimeout.String()}
	for _, dir := range h.Local.CNIPluginDirs {
		if abs, err := filepath.Abs(dir); err == nil {
			dir = abs
		}
		command = append(command, "--cni-plugin-dir", dir)
	}
	return append(command, "internal", verb)
}

// Close closes the connection to the agent, or what this process has opened on this host.
func (h *Host) Close() error {
	if h.Agent.connected != nil {
		return h.Agent.connected.Close()
	}
	if h.Local == nil {
		return nil
	}
	return h.Local.Close()
}
