// Package itself is what mctr's programs say of themselves: by which commit they
// were built, and their messages on stderr. It creates nothing.
package itself

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/mctr/mctr"
)

// Commit is the revision that the program was built from, or "unknown".
func Commit() string { return ThisBuild().Commit }

// Log is what --log-level and --log-format ask for, on w. The error names the flag.
func Log(w io.Writer, level, format string) (slog.Handler, error) {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("%w: --log-level %s: want debug, info, warn or error", mctr.ErrInvalid, level)
	}
	o := &slog.HandlerOptions{Level: least}
	switch format {
	case "text":
		return slog.NewTextHandler(w, o), nil
	case "json":
		return slog.NewJSONHandler(w, o), nil
	}
	return nil, fmt.Errorf("%w: --log-format %s: want text or json", mctr.ErrInvalid, format)
}
