package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/cni"
	"github.com/mctr/mctr/internal/commandline"
)

// networkCommand has the verbs for networks.
func networkCommand(a *app) *cobra.Command {
	cmd := commandline.Group("network", "Make, show and remove networks",
		a.networkCreateCommand(), a.networkLsCommand(), a.networkInspectCommand(), a.networkRmCommand(),
		a.networkPruneCommand(), a.networkCheckCommand(), a.networkGCCommand())
	cmd.AddCommand(a.calicoCommands()...)
	cmd.Long = `Make, show and remove networks. A network is a CNI configuration list: those
that mctr makes lie below --root, an operator's in /etc/cni/net.d. The default
one, bridge, is made when the first container wants it.`
	cmd.Example = "  mctr network create --subnet 10.9.0.0/24 blue\n  mctr network ls\n" +
		"  mctr run --network blue:ip=10.9.0.7 debian ip address"
	return cmd
}

// A networkRow has docker's field names.
type networkRow struct {
	ID, Name, Driver, Scope, Plugins, Version, Subnets, File string
	Containers                                               int
}

func (a *app) networkLsCommand() *cobra.Command {
	list := &listFlags{}
	cmd := &cobra.Command{
		Use: "ls [flags]", Aliases: []string{"list"}, Short: "List networks", Args: cobra.NoArgs,
		Example: "  mctr network ls\n  mctr network ls --format '{{.Name}} {{.Subnets}}'",
		RunE: func(cmd *cobra.Command, _ []string) error {
			rows, err := a.networkRows(cmd.Context())
			return errors.Join(
				list.print(anys(rows),
					[]string{"NAME={{.Name}}", "DRIVER={{.Driver}}", "SUBNETS={{.Subnets}}", "CNI={{.Version}}",
						"PLUGINS={{.Plugins}}", "CONTAINERS={{.Containers}}"}), err)
		},
	}
	list.registerQuiet(cmd.Flags())
	list.register(cmd.Flags(), "names")
	return cmd
}

// networkRows goes on past files that cannot be read.
func (a *app) networkRows(ctx context.Context) ([]networkRow, error) {
	networks, err := a.networkAPI()
	if err != nil {
		return nil, err
	}
	all, err := networks.List(ctx)
	var rows []networkRow
	for _, n := range all {
		r := networkRow{ID: n.Name, Name: n.Name, Driver: "cni", Scope: "local", Plugins: strings.Join(n.Plugins, ","),
			Version: n.CNIVersion, File: n.File}
		if n.Definition != nil && n.Definition.Driver != "" {
			r.Driver = n.Definition.Driver
			for _, s := range n.Definition.Subnets {
				r.Subnets = strings.TrimPrefix(r.Subnets+","+s.Subnet.String(), ",")
			}
		}
		for _, members := range n.Containers {
			r.Containers += len(members)
		}
		rows = append(rows, r)
	}
	return rows, err
}

func (a *app) networkInspectCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use: "inspect [flags] NETWORK...", Short: "Show networks whole, with who is attached",
		Args:              cobra.MinimumNArgs(1),
		Example:           "  mctr network inspect bridge\n  mctr network inspect -f '{{.Definition.Subnets}}' bridge",
		ValidArgsFunction: a.completeMadeNetworks,
		RunE: func(cmd *cobra.Command, args []string) error {
			networks, err := a.networkAPI()
			if err != nil {
				return err
			}
			var found []*cni.Details
			var errs []error
			for _, name := range args {
				d, err := networks.Inspect(cmd.Context(), name)
				if err != nil {
					errs = append(errs, err)
					continue
				}
				found = append(found, d)
			}
			return errors.Join(append([]error{printInspected(found, format)}, errs...)...)
		},
	}
	cmd.Flags().StringVarP(&format, "format", "f", "", "json or a Go template")
	return cmd
}

func (a *app) networkRmCommand() *cobra.Command {
	return &cobra.Command{
		Use: "rm NETWORK...", Aliases: []string{"remove"}, Short: "Remove networks that nobody is attached to",
		Args: cobra.MinimumNArgs(1),
		Long: "Remove networks that mctr made, with their interfaces on the host. One that a\n" +
			"container is attached to is left.",
		Example: "  mctr network rm blue", ValidArgsFunction: a.completeMadeNetworks,
		RunE: func(cmd *cobra.Command, args []string) error { return a.removeNetworks(cmd.Context(), args) },
	}
}

func (a *app) networkPruneCommand() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use: "prune [flags]", Short: "Remove all networks of mctr's that nobody is attached to", Args: cobra.NoArgs,
		Example: "  mctr network prune -f",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if yes, err := confirmed(cmd.Context(), force,
				"all networks that mctr made and nobody is attached to"); !yes {
				return err
			}
			rows, err := a.networkRows(cmd.Context())
			rows = slices.DeleteFunc(rows, func(r networkRow) bool { return r.Driver == "cni" || r.Containers > 0 })
			var names []string
			for _, r := range rows {
				names = append(names, r.Name)
			}
			return errors.Join(err, a.removeNetworks(cmd.Context(), names))
		},
	}
	cmd.Flags().BoolVarP(&force, "force", "f", false, "do not ask")
	return cmd
}

func (a *app) networkGCCommand() *cobra.Command {
	return &cobra.Command{
		Use: "gc NETWORK...", Short: "Have plugins drop what no container accounts for", Args: cobra.MinimumNArgs(1),
		Long: `Ask the plugins of networks for GC (CNI 1.1.0), which is to drop addresses and
rules that no attachment of this --root accounts for; the reference plugins up to
1.9 drop none by themselves. It is done to networks that mctr made, and to others
whose list allows it by "mctr": {"gc": true}, since it would take the addresses of
whoever else uses the same store.`,
		Example: "  mctr network gc bridge", ValidArgsFunction: a.completeMadeNetworks,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.eachNetwork(args, func(networks agent.Networks, name string) error {
				return networks.GC(cmd.Context(), name)
			})
		},
	}
}

func (a *app) networkCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use: "check CONTAINER...", Short: "Ask plugins whether containers are still attached as they should be",
		Args: cobra.MinimumNArgs(1),
		Long: "Ask the plugins of containers' networks for CHECK (CNI 0.4.0). The exit code is 1\n" +
			"if one finds something amiss.",
		Example: "  mctr network check web", ValidArgsFunction: a.completeContainers,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.api(cmd.Context())
			if err != nil {
				return err
			}
			networks, err := a.networkAPI()
			if err != nil {
				return err
			}
			var errs []error
			for _, ref := range args {
				id, err := c.Resolve(cmd.Context(), ref)
				if err != nil {
					errs = append(errs, err)
					continue
				}
				errs = append(errs, checkNetworks(cmd.Context(), networks, id))
			}
			return errors.Join(errs...)
		},
	}
}

func checkNetworks(ctx context.Context, networks agent.Networks, id mctr.ContainerID) error {
	all, err := networks.Check(ctx, id)
	errs := []error{err}
	for _, c := range all {
		if c.Problem != "" {
			errs = append(errs, fmt.Errorf("container %s: %s", id.Short(), c.Problem))
			continue
		}
		fmt.Fprintf(stdout, "%s\t%s\t%s\tok\n", id.Short(), c.Interface, c.Network)
	}
	return errors.Join(errs...)
}

func (a *app) removeNetworks(ctx context.Context, names []string) error {
	return a.eachNetwork(names, func(networks agent.Networks, name string) error { return networks.Remove(ctx, name) })
}

// eachNetwork does something to each, prints the names of those where it worked,
// and goes on past errors.
func (a *app) eachNetwork(names []string, do func(networks agent.Networks, name string) error) error {
	networks, err := a.networkAPI()
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range names {
		if err := do(networks, name); err != nil {
			errs = append(errs, err)
			continue
		}
		fmt.Fprintln(os.Stdout, name)
	}
	return errors.Join(errs...)
}

// completeMadeNetworks offers the networks that there are.
func (a *app) completeMadeNetworks(cmd *cobra.Command, args []string,
	typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	words, directive := a.completeNetworks(cmd, args, typed)
	return slices.DeleteFunc(words, isMode), directive
}
