package network

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
)

// calicoCommands hand over to mctr-calico: what Calico's types bring with them
// would cost every launch.
func calicoCommands(h *hostapi.Host) []*cobra.Command {
	policy := calicoCommand(h, "policy", "Say who may reach whom on a Calico network",
		"  mctr network policy apply servers --selector 'role == \"server\"' --allow tcp:9000 --from 'role == "+
			"\"client\"'\n  mctr network policy ls")
	pool := calicoCommand(h, "pool", "Give a Calico network addresses",
		"  mctr network pool create tasks --cidr 10.1.0.0/16 --tunnel vxlan --nat\n  mctr network pool ls")
	profile := calicoCommand(h, "profile",
		"Say what is true of a Calico network's containers where no policy selects them",
		"  mctr network profile show prod\n  mctr network profile apply prod --allow all --from 'has(prod)'")
	return []*cobra.Command{policy, pool, profile}
}

func calicoCommand(h *hostapi.Host, word, short, example string) *cobra.Command {
	return &cobra.Command{
		Use:   word + " COMMAND [ARG...]",
		Short: short,
		Long: short +
			", in the etcd that the network's CNI configuration names,\n" +
			"for all of its hosts. See docs/calico.md and \"mctr network " + word + " --help\".",
		Example:            example,
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return h.ExecProgram(cmd, "mctr-calico", func(words []string) []string { return calicoArguments(h, words) })
		},
	}
}

// calicoArguments are what stands behind "network". Where networks are is told by the
// environment, since mctr-calico's own flags say it more strongly.
func calicoArguments(h *hostapi.Host, words []string) []string {
	for name, value := range map[string]string{"MCTR_ROOT": h.Local.Root,
		"MCTR_CNI_CONFIG_DIR": strings.Join(h.Local.CNIConfigDirs, string(filepath.ListSeparator))} {
		_ = os.Setenv(name, value) // no name with "=", no value with a null
	}
	return words[1:]
}
