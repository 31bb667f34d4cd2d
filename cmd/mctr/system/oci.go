package system

import (
	"github.com/spf13/cobra"

	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
)

// ociCommand hands over to mctr-shim, which has the engine.
func ociCommand(h *hostapi.Host) *cobra.Command {
	return &cobra.Command{
		Use:   "oci COMMAND [ARG...]",
		Short: "Be an OCI runtime: runc's command line",
		Long: `Be an OCI runtime, with the verbs, flags, exit codes and outputs of runc. The link
mctr-oci to mctr-shim is the same as a program of one name, which is what podman
and containerd ask for. Containers that are made so are the caller's: mctr's own
commands do not know them.`,
		Example: "  mctr oci run --bundle ./web web\n  podman --runtime $PWD/bin/mctr-oci run --rm alpine " +
			"true",
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return h.ExecProgram(cmd, "mctr-shim", func(words []string) []string { return words })
		},
	}
}
