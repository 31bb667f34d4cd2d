package flags

import "github.com/spf13/cobra"

// Words completes a flag to one of a list.
func Words(list ...string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return list, cobra.ShellCompDirectiveNoFileComp
	}
}
