package volume

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr/cmd/mctr/internal/flags"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
)

func expandCommand(h *hostapi.Host) *cobra.Command {
	return &cobra.Command{
		Use: "expand VOLUME SIZE", Short: "Make a named volume with a size larger", Args: cobra.ExactArgs(2),
		Long: "Make a named volume with a size larger, and print its name. A volume never shrinks. A volume in\n" +
			"a filesystem of its own can only grow while no container uses it.",
		Example: "  mctr volume expand data 20g", ValidArgsFunction: h.CompleteVolumes,
		RunE: func(cmd *cobra.Command, args []string) error {
			size, err := flags.Size("SIZE", args[1])
			if err != nil {
				return err
			}
			volumes, err := h.VolumeAPI()
			if err != nil {
				return err
			}
			v, err := volumes.Expand(cmd.Context(), args[0], size)
			if err != nil {
				return err
			}
			fmt.Fprintln(os.Stdout, v.Name)
			return nil
		},
	}
}
