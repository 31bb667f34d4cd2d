package itself_test

import (
	"errors"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/itself"
)

func TestLog(t *testing.T) {
	for _, c := range []struct {
		level, format string
		debug, fails  bool
	}{{"debug", "text", true, false}, {"warn", "json", false, false}, {"loud", "text", false, true},
		{"info", "xml", false, true}, {"", "", false, true}} {
		h, err := itself.Log(os.Stderr, c.level, c.format)
		if c.fails != errors.Is(err, mctr.ErrInvalid) ||
			!c.fails && h.Enabled(t.Context(), slog.LevelDebug) != c.debug {
			t.Errorf("%s %s: %v", c.level, c.format, err)
		}
	}
	if itself.Commit() == "" {
		t.Error("no commit, and not unknown")
	}
}

// TestBuildOf reads this program's file, and a file that is none.
func TestBuildOf(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b, err := itself.BuildOf(self)
	if err != nil || b != itself.ThisBuild() || b.Go != runtime.Version() || b.Commit == "" || b.Version == "" {
		t.Errorf("got %+v, %v; this is %+v", b, err, itself.ThisBuild())
	}
	if _, err := itself.BuildOf("/etc/passwd"); err == nil || !strings.Contains(err.Error(), "/etc/passwd") {
		t.Errorf("no program: %v", err)
	}
}
