package network

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
)

// A row is a row in the list of networks, with the field names of docker.
type row struct {
	ID, Name, Driver, Scope, Plugins, Version, Subnets, File string
	Containers                                               int
}

func lsCommand(h *hostapi.Host) *cobra.Command {
	list := &format.List{}
	cmd := &cobra.Command{
		Use: "ls [flags]", Aliases: []string{"list"}, Short: "List networks", Args: cobra.NoArgs,
		Example: "  mctr network ls\n  mctr network ls --format '{{.Name}} {{.Subnets}}'",
		RunE: func(cmd *cobra.Command, _ []string) error {
			rows, err := listed(cmd.Context(), h)
			return errors.Join(
				list.Print(format.Rows(rows),
					[]string{"NAME={{.Name}}", "DRIVER={{.Driver}}", "SUBNETS={{.Subnets}}", "CNI={{.Version}}",
						"PLUGINS={{.Plugins}}", "CONTAINERS={{.Containers}}"}), err)
		},
	}
	list.RegisterQuiet(cmd.Flags())
	list.Register(cmd.Flags(), "names")
	return cmd
}

// listed returns the networks that can be read. The error is about the others.
func listed(ctx context.Context, h *hostapi.Host) ([]row, error) {
	networks, err := h.NetworkAPI()
	if err != nil {
		return nil, err
	}
	all, err := networks.List(ctx)
	var rows []row
	for _, n := range all {
		r := row{ID: n.Name, Name: n.Name, Driver: "cni", Scope: "local", Plugins: strings.Join(n.Plugins, ","),
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
