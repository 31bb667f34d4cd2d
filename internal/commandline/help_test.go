package commandline

import (
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// tree returns a command of each kind, with flags of each kind.
func tree() *cobra.Command {
	run := &cobra.Command{Use: "run [flags] IMAGE", Short: "Run it", Args: cobra.ExactArgs(1),
		Run: func(*cobra.Command, []string) {}}
	f := run.Flags()
	f.BoolP("tty", "t", false, "give it a terminal")
	f.Int("old", 0, "of former days")
	_ = f.MarkHidden("old")
	Under(f, "Limit flags", func(f *pflag.FlagSet) {
		f.StringP("memory", "m", "1g", "limit of memory")
		f.StringArray("device-read-bps", nil,
			"`DEVICE:RATE` in bytes a second that may be read by everything in the container, as /dev/sda:1m")
	})
	Under(f, "Health flags", func(f *pflag.FlagSet) { f.StringSlice("probe", nil, "probe") })
	root := &cobra.Command{Use: "box [flags] COMMAND", Args: NoSuchCommand,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	root.PersistentFlags().String("root", "/var/lib", "directory")
	root.AddCommand(run, Group("image", "Look at images", &cobra.Command{Use: "rm", Short: "Remove", Run: run.Run}))
	root.SilenceErrors, root.SilenceUsage = true, true
	Finish(root)
	return root
}

func TestHelp(t *testing.T) {
	for _, c := range []struct{ command, columns, want string }{
		{"run", "80", `Usage:
  box run [flags] IMAGE

Flags:
  -t, --tty                     give it a terminal

Health flags:
      --probe list              probe

Limit flags:
      --device-read-bps DEVICE:RATE
                                DEVICE:RATE in bytes a second that may be read
                                by everything in the container, as /dev/sda:1m
  -m, --memory string           limit of memory (default "1g")

The flags of every command: box --help
`},
		{"image", "1000", `Usage:
  box image COMMAND

Commands:
  rm          Remove

The flags of every command: box --help

More about a command: box image COMMAND --help
`},
	} {
		t.Setenv("COLUMNS", c.columns)
		found, _, err := tree().Find([]string{c.command})
		if err != nil {
			t.Fatal(err)
		}
		if got := found.UsageString(); got != c.want {
			t.Errorf("%s:\n%s\nwant:\n%s", c.command, got, c.want)
		}
	}
}

// TestWidths: every line fits the terminal's width, down to the smallest.
func TestWidths(t *testing.T) {
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	f.String("long", "", strings.Repeat("word ", 50))
	for width := 52; width < 130; width++ {
		t.Setenv("COLUMNS", strconv.Itoa(width))
		for line := range strings.Lines(describe(f.Lookup("long")) + "\n" + paragraphs(strings.Repeat("word ", 50))) {
			if n := len(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("%d columns of %d: %s", n, width, line)
			}
		}
	}
}

func TestParagraphs(t *testing.T) {
	t.Setenv("COLUMNS", "40")
	text := "One paragraph that is broken\nwherever its author liked.\n\n" +
		"  indented   stays, however long the line may be that it is\nAnother."
	want := "One paragraph that is broken wherever\nits author liked.\n\n" +
		"  indented   stays, however long the line may be that it is\nAnother."
	if got := paragraphs(text); got != want {
		t.Errorf("%s", got)
	}
}

func TestSuggestions(t *testing.T) {
	for words, want := range map[string]string{
		"":                  "",
		"rnu":               `unknown command "rnu" for "box" (did you mean run? see box --help)`,
		"xyzzy":             `unknown command "xyzzy" for "box" (see box --help)`,
		"image rmm":         `unknown command "rmm" for "box image" (did you mean rm? see box image --help)`,
		"run --memroy 4m x": `unknown flag: --memroy (did you mean --memory? see box run --help)`,
		"run --xyzzy x":     `unknown flag: --xyzzy (see box run --help)`,
		"run --rooot / x":   `unknown flag: --rooot (did you mean --root? see box run --help)`,
		"run -Z x":          `unknown shorthand flag: 'Z' in -Z (see box run --help)`,
		"help run":          "",
		"help image rm":     "",
		"help rnu":          `unknown command "rnu" for "box" (did you mean run? see box --help)`,
		"help image rmm":    `unknown command "rmm" for "box image" (did you mean rm? see box image --help)`,
		"run":               `accepts 1 arg(s), received 0 (usage: box run [flags] IMAGE)`,
	} {
		root := tree()
		root.SetArgs(strings.Fields(words))
		root.SetOut(new(strings.Builder))
		got := ""
		if err := root.Execute(); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s:\n%s, want\n%s", words, got, want)
		}
	}
}

// TestFlagErrorsKeepTheirKind: a command's own FlagErrorFunc still runs, and gets the error with
// suggestions.
func TestFlagErrorsKeepTheirKind(t *testing.T) {
	var seen string
	root := &cobra.Command{Use: "box", SilenceErrors: true, SilenceUsage: true}
	run := &cobra.Command{Use: "run", Run: func(*cobra.Command, []string) {}}
	run.Flags().Bool("detach", false, "leave it running")
	run.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { seen = err.Error(); return nil })
	root.AddCommand(run)
	Finish(root)
	root.SetArgs([]string{"run", "--detahc"})
	if err := root.Execute(); err != nil || strings.Count(seen, "did you mean --detach?") != 1 {
		t.Errorf("%q, %v", seen, err)
	}
}
