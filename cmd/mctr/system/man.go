package system

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
)

// manCommand is for packages of mctr, which keep the pages beside it.
func manCommand(h *hostapi.Host) *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "Write the manual pages",
		Long: "Write the manual pages mctr(1), mctr-run(1) and so on to DIR, which is made if it is\n" +
			"missing. The time in them is $SOURCE_DATE_EPOCH, if that is set.",
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

// EveryCommand visits the whole tree.
func EveryCommand(c *cobra.Command, visit func(*cobra.Command)) {
	visit(c)
	for _, below := range c.Commands() {
		EveryCommand(below, visit)
	}
}
