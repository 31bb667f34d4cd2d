package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/mctr/mctr/internal/leakcheck"
)

// TestRun takes over two containers once, and checks that nothing is left.
func TestRun(t *testing.T) {
	leaks := leakcheck.Snapshot(t,
		leakcheck.Scope{Names: []string{"mctr-recover"}, Kinds: []leakcheck.Kind{leakcheck.Process, leakcheck.Mount}})
	var out bytes.Buffer
	if err := run([]string{"-n", "2", "-rounds", "1", "-bin", "../../bin"}, &out); err != nil {
		t.Error(err)
	}
	if !strings.Contains(out.String(), "libcontainer.Load") {
		t.Errorf("report: %s", &out)
	}
	leaks.Check()
}

func TestParse(t *testing.T) {
	for _, bad := range [][]string{{"-n", "0"}, {"-rounds", "0"}, {"more"}} {
		if _, err := parse(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
