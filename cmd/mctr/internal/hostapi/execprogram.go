package hostapi

import (
	"errors"
	"os"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mctr/mctr/containerizer"
)

// ExecProgram hands over to another program of mctr's, for a command that parses no
// flags. Its arguments are made of the words from the command's own on.
func (h *Host) ExecProgram(cmd *cobra.Command, program string, arguments func(words []string) []string) error {
	words, err := h.behindFlags(cmd)
	if errors.Is(err, pflag.ErrHelp) {
		return cmd.Help()
	}
	if err != nil {
		return err
	}
	path, err := containerizer.FindProgram(program)
	if err != nil {
		return err
	}
	args := arguments(words)
	return syscall.Exec(path, append([]string{program}, args...), os.Environ())
}

// behindFlags are the words behind mctr's own flags. Cobra hands on those before
// the command as well, which mean something else to another program.
func (h *Host) behindFlags(cmd *cobra.Command) ([]string, error) {
	own := pflag.NewFlagSet("mctr", pflag.ContinueOnError)
	own.SetInterspersed(false)
	own.Usage = func() {}
	h.GlobalFlags(own)
	if err := own.Parse(h.Args); err != nil {
		return nil, err
	}
	if own.Changed("agent") {
		return nil, h.requireLocal(cmd.CommandPath())
	}
	return own.Args(), h.Open()
}
