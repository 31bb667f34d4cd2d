// Package testprogram finds the programs built by `make build`, for tests that run them. It creates
// nothing.
package testprogram

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Find returns the absolute path of the program called name: in bin of the test's module or else,
// for instance in a virtual machine, in PATH. It fails the test if there is none.
func Find(t testing.TB, name string) string {
	t.Helper()
	for dir, err := os.Getwd(); err == nil && filepath.Dir(dir) != dir; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
			continue
		}
		path := filepath.Join(dir, "bin", name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
		break
	}
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatal(err, "(make build)")
	}
	return path
}
