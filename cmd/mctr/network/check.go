package network

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
)

func checkCommand(h *hostapi.Host) *cobra.Command {
	return &cobra.Command{
		Use: "check CONTAINER...", Short: "Check that containers are attached to their networks",
		Args: cobra.MinimumNArgs(1),
		Long: "Run CHECK (CNI 0.4.0) with the plugins of the containers' networks. The exit code is 1\n" +
			"if a plugin finds a problem.",
		Example: "  mctr network check web", ValidArgsFunction: h.CompleteContainers,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := h.API(cmd.Context())
			if err != nil {
				return err
			}
			networks, err := h.NetworkAPI()
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
		fmt.Fprintf(format.Stdout, "%s\t%s\t%s\tok\n", id.Short(), c.Interface, c.Network)
	}
	return errors.Join(errs...)
}
