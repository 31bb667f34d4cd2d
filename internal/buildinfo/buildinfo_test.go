package buildinfo_test

import (
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/mctr/mctr/internal/buildinfo"
)

// TestReadFile reads this program's file, and a file that is not a program.
func TestReadFile(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b, err := buildinfo.ReadFile(self)
	if err != nil || b != buildinfo.Self() || b.Go != runtime.Version() || b.Commit == "" || b.Version == "" {
		t.Errorf("got %+v, %v; this is %+v", b, err, buildinfo.Self())
	}
	if _, err := buildinfo.ReadFile("/etc/passwd"); err == nil || !strings.Contains(err.Error(), "/etc/passwd") {
		t.Errorf("no program: %v", err)
	}
	if buildinfo.Commit() == "" {
		t.Error("no commit, and not unknown")
	}
}
