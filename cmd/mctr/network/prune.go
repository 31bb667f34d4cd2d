package network

import (
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/cmd/mctr/internal/session"
)

func pruneCommand(h *hostapi.Host) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use: "prune [flags]", Short: "Remove all networks of mctr without attached containers",
		Args:    cobra.NoArgs,
		Example: "  mctr network prune -f",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if yes, err := session.Confirmed(cmd.Context(), force,
				"all networks that mctr created and no container is attached to"); !yes {
				return err
			}
			rows, err := listed(cmd.Context(), h)
			rows = slices.DeleteFunc(rows, func(r row) bool { return r.Driver == "cni" || r.Containers > 0 })
			var names []string
			for _, r := range rows {
				names = append(names, r.Name)
			}
			return errors.Join(err, remove(cmd.Context(), h, names))
		},
	}
	cmd.Flags().BoolVarP(&force, "force", "f", false, "do not ask")
	return cmd
}
