// Package logflags makes the log handler for the flags --log-level and --log-format of mctr's
// programs. It creates nothing.
package logflags

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/mctr/mctr"
)

// Handler returns the log handler for --log-level and --log-format. It writes to w. The error names
// the flag.
func Handler(w io.Writer, level, format string) (slog.Handler, error) {
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
