package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/cmd/mctr/system"
)

// TestEveryCommandExplainsItself checks that every command has a description, a longer one if its name
// is not enough, and that every flag has a help text.
func TestEveryCommandExplainsItself(t *testing.T) {
	root := command(&hostapi.Host{})
	root.InitDefaultHelpCmd()
	n := 0
	system.EveryCommand(root, func(c *cobra.Command) {
		if c.Hidden || c.Parent() != nil && c.Parent().Hidden {
			return
		}
		n++
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: short help %q", c.CommandPath(), c.Short)
		}
		if c.Long == "" && c.Example == "" {
			t.Errorf("%s has neither a description nor an example", c.CommandPath())
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				t.Errorf("%s --%s has no help", c.CommandPath(), f.Name)
			}
		})
	})
	if n < 60 {
		t.Errorf("looked at %d commands only", n)
	}
}

// TestHelpFits checks that the help of every command and program has lines of at most 80 columns.
func TestHelpFits(t *testing.T) {
	t.Setenv("COLUMNS", "80")
	root := command(&hostapi.Host{})
	example := regexp.MustCompile(`^  (mctr|curl|host[12]#)`)
	fits := func(of, help string) {
		for line := range strings.Lines(help) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 && !example.MatchString(line) {
				t.Errorf("%s: %d columns: %s", of, n, line)
			}
		}
	}
	system.EveryCommand(root, func(c *cobra.Command) {
		var help bytes.Buffer
		c.SetOut(&help)
		if err := c.Help(); err != nil {
			t.Errorf("%s: %v", c.CommandPath(), err)
		}
		fits(c.CommandPath(), help.String())
	})
	for _, words := range [][]string{
		{"mctr-agent"}, {"mctr-bench"}, {"mctr-bench", "network"}, {"mctr-calico"}, {"mctr-calico", "policy", "apply"},
		{"mctr-calico", "pool", "create"},
	} {
		help, err := exec.CommandContext(t.Context(), filepath.Join(filepath.Dir(program(t)), words[0]),
			append(words[1:], "--help")...).CombinedOutput()
		if err != nil || !bytes.Contains(help, []byte("Flags:")) {
			t.Errorf("%s: %v: %s", words, err, help)
		}
		fits(strings.Join(words, " "), string(help))
	}
}

// TestManual writes the manual pages and checks them with man and, if it is installed, mandoc.
func TestManual(t *testing.T) {
	h := newHost(t)
	dir := filepath.Join(t.TempDir(), "man1")
	h.want(0, "man", dir)
	for _, page := range []string{"mctr.1", "mctr-run.1", "mctr-cp.1", "mctr-system-df.1", "mctr-image-prune.1"} {
		if _, err := os.Stat(filepath.Join(dir, page)); err != nil {
			t.Error(err)
		}
	}
	pages := entries(dir)
	checkers := [][]string{{"man", "--warnings", "-l", "-Tutf8", "-Z"}}
	if _, err := exec.LookPath("mandoc"); err == nil {
		checkers = append(checkers, []string{"mandoc", "-Tlint", "-Werror"})
	}
	for _, page := range pages {
		for _, checker := range checkers {
			cmd := exec.CommandContext(t.Context(), checker[0], append(checker[1:len(checker):len(checker)], page)...)
			cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
			var said bytes.Buffer
			cmd.Stderr = &said
			if err := cmd.Run(); err != nil || said.Len() > 0 {
				t.Errorf("%s %s: %v: %s", checker[0], filepath.Base(page), err, said.String())
			}
		}
	}
	h.want(1, "man")
	h.want(1, "man", "/dev/null/x")
}
