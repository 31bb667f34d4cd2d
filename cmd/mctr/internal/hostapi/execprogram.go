package hostapi

import (
	"errors"
	"os"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mctr/mctr/containerizer"
)

// ExecProgram replaces this process with another program of mctr, for a command that parses no flags.
// arguments converts the command line, beginning with the name of the command, to the arguments of
// the program.
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

// behindFlags returns the command line after mctr's global flags. Cobra also passes the global flags to
// the command, but to the other program they would mean something else.
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
