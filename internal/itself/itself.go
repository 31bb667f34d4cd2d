// Package itself is what mctr's programs say of themselves: by which commit they
// were built, and their messages on stderr. It creates nothing.
package itself

import (
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"

	"github.com/mctr/mctr"
)

// Commit is the revision that the program was built from, or "unknown".
func Commit() string {
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return s.Value
			}
		}
	}
	return "unknown"
}

// Log is what --log-level and --log-format ask for. The error names the flag.
func Log(level, format string) (slog.Handler, error) {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("%w: --log-level %s: want debug, info, warn or error", mctr.ErrInvalid, level)
	}
	o := &slog.HandlerOptions{Level: least}
	switch format {
	case "text":
		return slog.NewTextHandler(os.Stderr, o), nil
	case "json":
		return slog.NewJSONHandler(os.Stderr, o), nil
	}
	return nil, fmt.Errorf("%w: --log-format %s: want text or json", mctr.ErrInvalid, format)
}
