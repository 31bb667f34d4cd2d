package system

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
)

// manCommand returns the command man, which distribution packages of mctr run.
func manCommand(h *hostapi.Host) *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "Write the manual pages",
		Long: "Write the manual pages mctr(1), mctr-run(1) and so on to DIR, which is created if it is\n" +
			"missing. If $SOURCE_DATE_EPOCH is set, it is the date of the pages.",
		Example: "  mctr man /usr/local/share/man/man1",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return writeManual(cmd.Root(), args[0], h.Version)
		},
	}
}

// writeManual writes a page for each command that is not hidden.
func writeManual(root *cobra.Command, dir, version string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	EveryCommand(root, func(c *cobra.Command) { c.DisableAutoGenTag = true })
	header := &doc.GenManHeader{Section: "1", Source: "mctr " + version, Manual: "mctr"}
	if err := doc.GenManTree(root, header, dir); err != nil {
		return fmt.Errorf("write the manual pages: %w", err)
	}
	return nil
}

// EveryCommand calls visit for c and all commands below it.
func EveryCommand(c *cobra.Command, visit func(*cobra.Command)) {
	visit(c)
	for _, below := range c.Commands() {
		EveryCommand(below, visit)
	}
}
