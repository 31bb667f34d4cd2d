package commandline

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Group returns a command that only has subcommands; without one it shows its help.
func Group(use, short string, below ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: use + " COMMAND", Short: short, DisableFlagsInUseLine: true, Args: NoSuchCommand,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(below...)
	return c
}

// NoSuchCommand is the Args function of a command that only has subcommands. Its error suggests
// commands similar to the unknown one.
func NoSuchCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var commands []string
	for _, below := range c.Commands() {
		if below.IsAvailableCommand() {
			commands = append(commands, below.Name())
		}
	}
	return fmt.Errorf("unknown command %q for %q%s", args[0], c.CommandPath(), meant(similar(args[0], commands), c))
}

// suggest makes every command suggest the right usage in its errors about flags and arguments.
func suggest(c *cobra.Command) {
	for _, below := range c.Commands() {
		suggest(below) // first, because a command without a FlagErrorFunc inherits its parent's
	}
	exit := c.FlagErrorFunc()
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return exit(c, suggestFlag(c, err)) })
	if check := c.Args; check != nil && !c.HasSubCommands() {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return fmt.Errorf("%w (usage: %s)", err, c.UseLine())
			}
			return nil
		}
	}
}

// suggestFlag adds flags with a similar spelling to the error of an unknown flag.
func suggestFlag(c *cobra.Command, err error) error {
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok {
		return err
	}
	if unknown.GetSpecifiedShortnames() != "" { // all single letters are similar
		return fmt.Errorf("%w%s", err, meant(nil, c))
	}
	var flags []string
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			flags = append(flags, f.Name)
		}
	})
	names := similar(unknown.GetSpecifiedName(), flags)
	for i := range names {
		names[i] = "--" + names[i]
	}
	return fmt.Errorf("%w%s", err, meant(names, c))
}

// similar returns the names with a similar spelling, by cobra's rule for commands.
func similar(typed string, names []string) []string {
	parent := &cobra.Command{SuggestionsMinimumDistance: 2}
	for _, name := range names {
		parent.AddCommand(&cobra.Command{Use: name, Run: func(*cobra.Command, []string) {}})
	}
	return parent.SuggestionsFor(typed)
}

func meant(names []string, c *cobra.Command) string {
	const most = 6
	if len(names) > most {
		names = append(names[:most:most], "...")
	}
	if len(names) == 0 {
		return fmt.Sprintf(" (see %s --help)", c.CommandPath())
	}
	return fmt.Sprintf(" (did you mean %s? see %s --help)", strings.Join(names, ", "), c.CommandPath())
}
