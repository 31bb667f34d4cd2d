//go:build calico

package main

import (
	"os/exec"
	"testing"
)

// TestCalico runs the cases of Calico. internal/calico/build installs the programs of Calico beside
// mctr-bench.
func TestCalico(t *testing.T) {
	clean(t, t.TempDir())
	file := t.TempDir() + "/r.json"
	args := append(quick, "--case", "calico-calico", "--case", "calico-vxlan", "--json", file)
	if out, err := exec.Command(program(t), args...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	check(t, report(t, file), 3)
}
