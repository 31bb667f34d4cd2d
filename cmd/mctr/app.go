package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/internal/dirs"
	"github.com/mctr/mctr/internal/logflags"
	"github.com/mctr/mctr/isolators/builtin"
	"github.com/mctr/mctr/provisioner"
)

// An app is what every command shares.
type app struct {
	args                []string // of the command line
	root, state         string
	logLevel, logFormat string
	plainHTTP           []string
	hostsDirs           []string
	backend             string
	cni                 cniFlags
	cgroupManager       string
	agent               agentFlags

	verb   string // the command's, for what is refused
	log    slog.Handler
	opened *containerizer.Containerizer
	store  *provisioner.Provisioner
}

func (a *app) globalFlags(f *pflag.FlagSet) {
	f.StringVar(&a.root, "root", env("MCTR_ROOT", "/var/lib/mctr"),
		"directory for what survives a reboot: images, logs, records")
	f.StringVar(&a.state, "state", env("MCTR_STATE", "/run/mctr"), "directory for what ends with the boot")
	f.StringVar(&a.logLevel, "log-level", env("MCTR_LOG_LEVEL", "warn"),
		"mctr's own messages on stderr: debug, info, warn, error")
	f.StringVar(&a.logFormat, "log-format", env("MCTR_LOG_FORMAT", "text"), "text or json")
	f.StringSliceVar(&a.plainHTTP, "plain-http", nil,
		"registry `HOST[:PORT]` to speak http with (loopback ones need no asking)")
	f.StringSliceVar(&a.hostsDirs, "hosts-dir", nil,
		"`DIR` with HOST/hosts.toml for registries (default /etc/mctr/certs.d, /etc/containerd/certs.d)")
	a.agent.register(f)
	a.cni.register(f)
	f.StringVar(&a.cgroupManager, "cgroup-manager", env("MCTR_CGROUP_MANAGER", ""),
		"who makes control groups: cgroupfs, which is mctr itself, or systemd, a scope for each container with what "+
			"is nested in it (default: as other containers of the state directory have it, else cgroupfs)")
	f.StringVar(&a.backend, "backend", env("MCTR_BACKEND", ""),
		"how layers become a filesystem: overlay or copy (default: what works here)")
	f.VisitAll(func(flag *pflag.Flag) { _ = f.SetAnnotation(flag.Name, global, []string{"true"}) })
}

// env is the variable's value, or otherwise.
func env(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

// begin makes what the global flags ask for. Their errors are exit codes of the
// command's, like those of its own flags.
func (a *app) begin(cmd *cobra.Command, _ []string) error {
	a.verb = cmd.CommandPath()
	if err := a.takeGlobals(); err != nil {
		return cmd.FlagErrorFunc()(cmd, err)
	}
	if err := a.checkFlags(cmd); err != nil {
		return cmd.FlagErrorFunc()(cmd, err)
	}
	if cmd.Name() != "oci" { // which becomes another program with all that this one got
		a.chooseInheritance()
	}
	return nil
}

func (a *app) takeGlobals() (err error) {
	if a.log, err = logflags.Handler(stderr, a.logLevel, a.logFormat); err != nil {
		return err
	}
	if err := cgroup.CheckManager(a.cgroupManager); err != nil {
		return err
	}
	if a.root, err = dirs.Resolve(a.root); err != nil {
		return fmt.Errorf("--root: %w", err)
	}
	if a.state, err = dirs.Resolve(a.state); err != nil {
		return fmt.Errorf("--state: %w", err)
	}
	return nil
}

// images opens the store.
func (a *app) images() (*provisioner.Provisioner, error) {
	if a.store != nil {
		return a.store, nil
	}
	if err := a.requireLocal(a.verb); err != nil {
		return nil, err
	}
	var opts []provisioner.Option
	if len(a.plainHTTP) > 0 {
		opts = append(opts, provisioner.WithPlainHTTP(a.plainHTTP...))
	}
	if len(a.hostsDirs) > 0 {
		opts = append(opts, provisioner.WithHostsDirs(a.hostsDirs...))
	}
	if a.backend != "" {
		opts = append(opts, provisioner.WithBackend(a.backend))
	}
	store, err := provisioner.New(a.root, opts...)
	a.store = store
	return store, err
}

// containers opens the containerizer: hop 1 of a launch.
func (a *app) containers(ctx context.Context) (*containerizer.Containerizer, error) {
	if a.opened != nil {
		return a.opened, nil
	}
	if err := a.requireLocal(a.verb); err != nil {
		return nil, err
	}
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("%w: mctr must be run by root", mctr.ErrUnsupported)
	}
	store, err := a.images()
	if err != nil {
		return nil, err
	}
	helper, err := containerizer.FindProgram("mctr-helper")
	if err != nil {
		return nil, err
	}
	a.opened, err = containerizer.New(ctx, containerizer.WithOwner("cli"),
		containerizer.WithDirs(a.root, a.state),
		containerizer.WithCgroupManager(a.cgroupManager),
		containerizer.WithImages(store),
		containerizer.WithHelper(helper),
		containerizer.WithIsolators(builtin.Table(builtin.Deps{
			Root: a.root, State: a.state, Helper: helper, Networks: a.networks(),
		})),
		containerizer.WithLog(a.log),
		containerizer.WithExitCommand(a.exitCommand("cleanup")...),
		containerizer.WithWatchCommand(a.exitCommand("watch")...),
	)
	return a.opened, err
}

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
		slog.New(a.log).Warn("clean up after ended containers", "error", err)
	}
	return c, nil
}

// exitCommand is what a shim runs after a container that nobody watches.
func (a *app) exitCommand(verb string) []string {
	self, err := os.Executable()
	if err != nil {
		return nil
	}
	return slices.Concat([]string{self, "--root", a.root, "--state", a.state}, a.cni.arguments(),
		[]string{"internal", verb})
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
