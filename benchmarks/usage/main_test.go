package main

import (
	"testing"

	"github.com/mctr/mctr/internal/leakcheck"
)

// TestRun measures two containers once, and checks that nothing is left. A contender fails if its
// figures differ from the containers that were made.
func TestRun(t *testing.T) {
	leaks := leakcheck.Snapshot(t,
		leakcheck.Scope{Names: []string{"mctr-usage"}, Kinds: []leakcheck.Kind{leakcheck.Process, leakcheck.Mount}})
	if err := run([]string{"-n", "2", "-rounds", "1"}); err != nil {
		t.Error(err)
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
