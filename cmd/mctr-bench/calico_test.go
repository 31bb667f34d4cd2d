//go:build calico

package main

import (
	"os/exec"
	"testing"
)

// TestCalico runs Calico's cases with its programs, which internal/calico/build has
// made beside mctr-bench.
func TestCalico(t *testing.T) {
	clean(t, t.TempDir())
	file := t.TempDir() + "/r.json"
	args := append(quick, "--case", "calico-calico", "--case", "calico-vxlan", "--json", file)
	if out, err := exec.Command(program(t), args...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	check(t, report(t, file), 3)
}
