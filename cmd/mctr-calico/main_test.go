package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mctr/mctr"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"mctr-calico": main})
}

// TestScripts runs the scripts in testdata/script, with a Calico network prod and a network plain of
// another plugin. The tests of internal/calico use a real datastore.
func TestScripts(t *testing.T) {
	const calico = `{"cniVersion": "1.0.0", "name": "prod", "plugins": [{"type": "calico", "etcd_endpoints": "http://192.0.2.1:2379"}]}`
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			dir := filepath.Join(e.WorkDir, "net.d")
			e.Setenv("MCTR_CNI_CONFIG_DIR", dir)
			if program := filepath.Join(e.WorkDir, "calicoctl"); exists(program) {
				if err := os.Chmod(program, 0o755); err != nil {
					return err
				}
			}
			if err := os.Mkdir(dir, 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(dir, "05-plain.conf"),
				[]byte(`{"cniVersion": "1.0.0", "name": "plain", "type": "bridge"}`), 0o644); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, "10-prod.conflist"), []byte(calico), 0o644)
		},
	})
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// TestProgram checks that calicoctl is found in each of its places.
func TestProgram(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	if _, err := (&app{}).program(); !errors.Is(err, mctr.ErrNotFound) {
		t.Error(err)
	}
	there := filepath.Join(dir, "calicoctl")
	if err := os.WriteFile(there, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	for want, a := range map[string]*app{there: {}, "/named": {calicoctl: "/named"}} {
		if got, err := a.program(); got != want || err != nil {
			t.Errorf("%s, %v: want %s", got, err, want)
		}
	}
}

// TestEveryCommandExplainsItself checks that every command has a description and, if it does something,
// an example, and that every flag has a help text.
func TestEveryCommandExplainsItself(t *testing.T) {
	n := 0
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		n++
		if c.Short == "" || strings.HasSuffix(c.Short, ".") || c.HasParent() && c.Example == "" {
			t.Errorf("%s: %q, example %q", c.CommandPath(), c.Short, c.Example)
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				t.Errorf("%s --%s has no help", c.CommandPath(), f.Name)
			}
		})
		for _, below := range c.Commands() {
			visit(below)
		}
	}
	visit(command())
	if n < 15 {
		t.Errorf("looked at %d commands only", n)
	}
}
