package network

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
)

// calicoCommands returns the commands that run mctr-calico. The packages of Calico would slow every
// launch down if mctr linked them.
func calicoCommands(h *hostapi.Host) []*cobra.Command {
	policy := calicoCommand(h, "policy", "Manage policies of a Calico network: which containers may connect",
		"  mctr network policy apply servers --selector 'role == \"server\"' --allow tcp:9000 --from 'role == "+
			"\"client\"'\n  mctr network policy ls")
	pool := calicoCommand(h, "pool", "Manage address pools of a Calico network",
		"  mctr network pool create tasks --cidr 10.1.0.0/16 --tunnel vxlan --nat\n  mctr network pool ls")
	profile := calicoCommand(h, "profile",
		"Manage the profile of a Calico network: the rules without a policy",
		"  mctr network profile show prod\n  mctr network profile apply prod --allow all --from 'has(prod)'")
	return []*cobra.Command{policy, pool, profile}
}

func calicoCommand(h *hostapi.Host, word, short, example string) *cobra.Command {
	return &cobra.Command{
		Use:   word + " COMMAND [ARG...]",
		Short: short,
		Long: short +
			".\nIt is stored in the etcd that the CNI configuration of the network names, for all hosts\n" +
			"of the network. See docs/calico.md and \"mctr network " + word + " --help\".",
		Example:            example,
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return h.ExecProgram(cmd, "mctr-calico", func(words []string) []string { return calicoArguments(h, words) })
		},
	}
}

// calicoArguments returns the words after "network". It passes the directories of the networks in the
// environment, so that flags of mctr-calico take precedence.
func calicoArguments(h *hostapi.Host, words []string) []string {
	for name, value := range map[string]string{"MCTR_ROOT": h.Local.Root,
		"MCTR_CNI_CONFIG_DIR": strings.Join(h.Local.CNIConfigDirs, string(filepath.ListSeparator))} {
		_ = os.Setenv(name, value) // cannot fail: no name has "=", no value has a null
	}
	return words[1:]
}
