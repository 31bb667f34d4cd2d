package system

import (
	"github.com/spf13/cobra"

	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
)

// ociCommand returns the command oci, which runs mctr-shim, because that has the engine.
func ociCommand(h *hostapi.Host) *cobra.Command {
	return &cobra.Command{
		Use:   "oci COMMAND [ARG...]",
		Short: "Run as an OCI runtime with the command line of runc",
		Long: `Run as an OCI runtime, with the commands, flags, exit codes and output of runc. For
podman and containerd, which need a single program, mctr-oci does the same; it is a
link to mctr-shim. These containers belong to the caller, and mctr's other commands
do not see them.`,
		Example: "  mctr oci run --bundle ./web web\n  podman --runtime $PWD/bin/mctr-oci run --rm alpine " +
			"true",
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return h.ExecProgram(cmd, "mctr-shim", func(words []string) []string { return words })
		},
	}
}
