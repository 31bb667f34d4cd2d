package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// TestEveryCommandExplainsItself: a sentence, and more than that where the name
// does not say it all; each flag has a word of help.
func TestEveryCommandExplainsItself(t *testing.T) {
	root := (&app{}).command()
	root.InitDefaultHelpCmd()
	n := 0
	everyCommand(root, func(c *cobra.Command) {
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

// TestManual writes the pages and lets man, and mandoc where it is, find fault
// with them.
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

// TestDuplicateKeys: a group's file says everything once.
func TestDuplicateKeys(t *testing.T) {
	for text, want := range map[string]string{
		`{"root": {}, "tasks": {"a": {"image": "x"}, "b": {"image": "x"}}}`: "",
		`{"root": {}, "root": {}}`: `the key "root" at line 1, column 14 was given before, at line 1, column 2`,
		"{\"tasks\": {\n  \"a\": {\"image\": \"x\",\n    \"Image\": \"y\"}}}":                        `the key "Image" at line 3, column 5 was given before, at line 2, column 9`,
		`{"tasks": {"a": {"image": "x"}, "a": {"image": "y"}}}`:                                      `the key "a"`,
		`{"tasks": {"a": {"image": "x", "labels": {"k": "1", "K": "2"}}, "A": {"image": "y"}}}`:      "",
		`{"tasks": {"a": {"image": "x", "labels": {"k": "1", "k": "2"}}}}`:                           `the key "k"`,
		`{"tasks": {"a": {"image": "x", "mounts": [{"type": "tmpfs", "target": "/a", "type": 1}]}}}`: `the key "type"`,
		`{"tasks": {"a": {"image": "x"`:                                                              "unexpected EOF",
		`{"tasks": [[[`:                                                                              "unexpected EOF",
	} {
		_, err := decodeGroup(strings.NewReader(text))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v; want %q", text, err, want)
		}
	}
}

// FuzzGroup: no file makes the reader panic.
func FuzzGroup(f *testing.F) {
	f.Add([]byte(`{"root": {}, "tasks": {"a": {"image": "x", "labels": {"k": "1"}}}}`))
	f.Add([]byte(`[{"a":[{"b":{`))
	f.Fuzz(func(_ *testing.T, data []byte) { _, _ = decodeGroup(bytes.NewReader(data)) })
}

// TestOwnFlagsAreNotOCIs: what stands before the word is mctr's.
func TestOwnFlagsAreNotOCIs(t *testing.T) {
	h := newHost(t)
	state := filepath.Join(t.TempDir(), "oci")
	if err := os.Mkdir(state, 0o700); err != nil {
		t.Fatal(err)
	}
	if r := h.want(0, "--log-level", "info", "oci", "--root", state, "list", "-q"); r.stdout != "" {
		t.Errorf("list: %q", r.stdout)
	}
	if r := h.want(0, "oci", "--help"); !strings.Contains(r.stdout, "mctr-oci") {
		t.Errorf("help: %q", r.stdout)
	}
	if r := h.want(1, "oci", "--root", state, "state", "nosuch"); !strings.Contains(r.stderr, "does not exist") {
		t.Errorf("state: %+v", r)
	}
	if r := h.want(1, "--log-level", "loud", "oci", "list"); !strings.Contains(r.stderr, "--log-level loud") {
		t.Errorf("a bad flag of mctr's: %+v", r)
	}
}
