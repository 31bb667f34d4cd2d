package volume

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/cmd/mctr/internal/session"
)

func dfCommand(h *hostapi.Host) *cobra.Command {
	list := &format.List{}
	cmd := &cobra.Command{
		Use: "df [flags]", Short: "Show the disk usage of named volumes", Args: cobra.NoArgs,
		Long: "Show the disk usage of named volumes, and the number of containers that use each. It counts\n" +
			"the files of every volume.",
		Example:           "  mctr volume df\n  mctr volume df --format '{{.Name}} {{.Size}}'",
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := session.Interruptible(cmd.Context())
			defer stop()
			volumes, err := h.VolumeAPI()
			if err != nil {
				return err
			}
			all, err := volumes.List(ctx, true)
			var rows []row
			for _, v := range all {
				rows = append(rows, newRow(v))
			}
			return errors.Join(list.Print(format.Rows(rows),
				[]string{"VOLUME NAME={{.Name}}", "LINKS={{.Links}}", "SIZE={{.Size}}"}), err)
		},
	}
	list.Register(cmd.Flags(), "names")
	return cmd
}
