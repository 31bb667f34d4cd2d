package system

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
)

func reconcileCommand(h *hostapi.Host) *cobra.Command {
	var dryRun, asJSON bool
	cmd := &cobra.Command{
		Use:   "reconcile [flags]",
		Short: "Find and remove what crashed containers left behind",
		Long: `Find what is left of containers that crashed, were killed or lost their
supervisor: processes, control groups, mounts, directories, leases. Print each
leftover with its owner, the evidence and the action. Only things that the
records of mctr prove to belong to it are touched. If the supervisor of a
container was killed before it could follow the restart policy, the container is
restarted.`,
		Example: "  mctr reconcile --dry-run\n  mctr reconcile",
		Args:    cobra.NoArgs, ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := h.API(cmd.Context())
			if err != nil {
				return err
			}
			act := c.Reconcile
			if dryRun {
				act = c.Leftovers
			}
			found, err := act(cmd.Context())
			if asJSON {
				return errors.Join(format.JSONLines(os.Stdout, format.Rows(found)), err)
			}
			for _, l := range found {
				fmt.Fprintln(format.Stdout, l)
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only print what is found and what would be done")
	cmd.Flags().BoolVar(&asJSON, "json", false, "one object per line")
	return cmd
}
