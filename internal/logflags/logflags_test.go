package logflags_test

import (
	"errors"
	"log/slog"
	"os"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/logflags"
)

func TestHandler(t *testing.T) {
	for _, c := range []struct {
		level, format string
		debug, fails  bool
	}{{"debug", "text", true, false}, {"warn", "json", false, false}, {"loud", "text", false, true},
		{"info", "xml", false, true}, {"", "", false, true}} {
		h, err := logflags.Handler(os.Stderr, c.level, c.format)
		if c.fails != errors.Is(err, mctr.ErrInvalid) ||
			!c.fails && h.Enabled(t.Context(), slog.LevelDebug) != c.debug {
			t.Errorf("%s %s: %v", c.level, c.format, err)
		}
	}
}
