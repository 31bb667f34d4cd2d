// Package commandline adds to the command lines of mctr's programs what cobra lacks: help with the
// flags under headings, in lines that fit the terminal, and suggestions for misspelled words.
//
// It creates nothing.
package commandline

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// Finish adds help and suggestions to a whole tree of commands. Callers call it once, when all
// commands have their flags.
func Finish(root *cobra.Command) {
	cobra.AddTemplateFuncs(template.FuncMap{"flagHelp": flagHelp, "commandHelp": commandHelp, "paragraphs": paragraphs})
	root.SetHelpTemplate(help)
	root.SetUsageTemplate(usage)
	if root.HasSubCommands() {
		root.SetHelpCommand(helpCommand(root))
	}
	suggest(root)
}

// helpCommand returns the command `help COMMAND`, which does the same as `COMMAND --help`.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND...]", Short: "Show the help of a command",
		Long:    "Show the help of a command, as --help after the command does.",
		Example: "  " + root.Name() + " help",
		RunE: func(_ *cobra.Command, words []string) error {
			found, rest, err := root.Find(words)
			if err == nil && found.HasSubCommands() {
				err = NoSuchCommand(found, rest)
			}
			if err != nil {
				return err
			}
			return found.Help()
		},
		ValidArgsFunction: func(_ *cobra.Command, words []string, _ string) (names []cobra.Completion,
			_ cobra.ShellCompDirective) {
			if found, _, err := root.Find(words); err == nil {
				for _, below := range found.Commands() {
					if below.IsAvailableCommand() {
						names = append(names, cobra.CompletionWithDesc(below.Name(), below.Short))
					}
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
}

const help = `{{paragraphs (or .Long .Short) | trimTrailingWhitespaces}}

{{.UsageString}}`

const usage = `Usage:{{if .Runnable}}
  {{.UseLine}}{{else}}
  {{.CommandPath}} COMMAND{{end}}{{if .Aliases}}

Aliases:
  {{.NameAndAliases}}{{end}}{{if .HasExample}}

Examples:
{{.Example}}{{end}}{{$all := .Commands}}{{range $group := .Groups}}

{{.Title}}{{range $all}}{{if and (eq .GroupID $group.ID) (or .IsAvailableCommand (eq .Name "help"))}}
{{commandHelp .}}{{end}}{{end}}{{end}}{{if and .HasAvailableSubCommands (not .Groups)}}

Commands:{{range $all}}{{if or .IsAvailableCommand (eq .Name "help")}}
{{commandHelp .}}{{end}}{{end}}{{end}}{{flagHelp .}}{{if .HasAvailableInheritedFlags}}

The flags of every command: {{.Root.Name}} --help{{end}}{{if .HasAvailableSubCommands}}

More about a command: {{.CommandPath}} COMMAND --help{{end}}
`

// commandHelp returns the line of a command in the help of its parent.
func commandHelp(c *cobra.Command) string {
	name := fmt.Sprintf("  %-*s ", c.NamePadding(), c.Name())
	return name + hang(c.Short, len(name))
}

// paragraphs wraps text again. It leaves indented lines unchanged.
func paragraphs(text string) string {
	var out, open []string
	flush := func() {
		if len(open) > 0 {
			out = append(out, wrap(strings.Join(open, " "), width())...)
		}
		open = nil
	}
	for line := range strings.SplitSeq(text, "\n") {
		if line != "" && line[0] != ' ' {
			open = append(open, line)
			continue
		}
		flush()
		out = append(out, line)
	}
	flush()
	return strings.Join(out, "\n")
}

// heading is the annotation of a flag with its title in help.
const heading = "heading"

// Under registers flags that help shows under a title of their own, for instance "Network flags".
func Under(f *pflag.FlagSet, title string, register func(*pflag.FlagSet)) {
	set := pflag.NewFlagSet(title, pflag.ContinueOnError)
	register(set)
	set.VisitAll(func(flag *pflag.Flag) {
		if flag.Annotations == nil {
			flag.Annotations = map[string][]string{}
		}
		flag.Annotations[heading] = []string{title}
	})
	f.AddFlagSet(set)
}

// flagHelp describes a command's own flags: first those without a title, then title by title in
// alphabetical order.
func flagHelp(c *cobra.Command) string {
	titled := map[string][]*pflag.Flag{}
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		title := ""
		if t := f.Annotations[heading]; len(t) > 0 {
			title = t[0]
		}
		if !f.Hidden && f.Deprecated == "" {
			titled[title] = append(titled[title], f)
		}
	})
	var text strings.Builder
	for _, title := range slices.Sorted(maps.Keys(titled)) {
		text.WriteString("\n\n" + cmp.Or(title, "Flags") + ":")
		for _, f := range titled[title] {
			text.WriteString("\n" + describe(f))
		}
	}
	return text.String()
}

// column is where descriptions begin; the description of a longer flag begins on the next line.
const column = 32

// describe returns a flag as pflag shows it, in lines that fit.
func describe(f *pflag.Flag) string {
	alone := pflag.NewFlagSet("", pflag.ContinueOnError)
	alone.AddFlag(f)
	line := strings.TrimRight(alone.FlagUsages(), "\n")
	indent := len(line) - len(strings.TrimLeft(line, " "))
	name, about, _ := strings.Cut(line[indent:], "  ")
	name = line[:indent] + listed(name)
	if utf8.RuneCountInString(name) > column-2 {
		name += "\n" + strings.Repeat(" ", column)
	} else {
		name += strings.Repeat(" ", column-utf8.RuneCountInString(name))
	}
	return name + hang(strings.TrimSpace(about), column)
}

// hang wraps text that begins at a column, with a hanging indent.
func hang(text string, column int) string {
	return strings.Join(wrap(text, max(width()-column, 20)), "\n"+strings.Repeat(" ", column))
}

// listed replaces the type of a repeatable flag by "list", as docker does.
func listed(name string) string {
	for _, kind := range []string{" stringArray", " strings"} {
		if short, ok := strings.CutSuffix(name, kind); ok {
			return short + " list"
		}
	}
	return name
}

// wrap breaks text between words into lines of at most width columns; a longer word gets a line of
// its own.
func wrap(text string, width int) []string {
	var lines []string
	line, columns := "", 0
	for word := range strings.FieldsSeq(text) {
		n := utf8.RuneCountInString(word)
		if line != "" && columns+1+n > width {
			lines = append(lines, line)
			line, columns = "", 0
		}
		if line != "" {
			line, columns = line+" ", columns+1
		}
		line, columns = line+word, columns+n
	}
	return append(lines, line)
}

// width returns the width of the terminal, else $COLUMNS, else 80, limited so that lines stay
// readable.
func width() int {
	const narrowest, widest, usual = 40, 120, 80
	columns, _, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil {
		columns, err = strconv.Atoi(os.Getenv("COLUMNS"))
	}
	if err != nil || columns <= 0 {
		columns = usual
	}
	return min(max(columns, narrowest), widest)
}
