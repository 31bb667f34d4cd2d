// Package format prints the output of mctr's commands: tables, templates, JSON, messages and the
// progress of a pull. It escapes control characters in foreign texts, such as the labels of an image,
// so that they cannot manipulate the terminal.
package format

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"

	"golang.org/x/term"

	"github.com/mctr/mctr/cmd/mctr/internal/flags"
	"github.com/mctr/mctr/internal/visible"
)

// Stdout and Stderr are for mctr's own output, which may contain foreign text from the config of an
// image, from a registry or from the record of a container. They escape control characters. The output
// of containers goes to os.Stdout and os.Stderr unchanged.
var (
	Stdout = visible.Writer(os.Stdout)
	Stderr = &Messages{}
)

// Messages writes messages to stderr. If Raw is set, it adds carriage returns, because a terminal in raw
// mode does not.
type Messages struct{ Raw atomic.Bool }

func (m *Messages) Write(p []byte) (int, error) {
	text := visible.Text(string(p))
	if m.Raw.Load() {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	if _, err := os.Stderr.WriteString(text); err != nil {
		return 0, err
	}
	return len(p), nil
}

// IsTerminal reports whether f is a terminal.
func IsTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// Complain prints an error on stderr, on one line unless it is too long, with the flags of the
// command line in place of the library's field names. Very long paths are cut.
func Complain(err error) {
	var parts []string
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimSpace(line); line != "" {
			parts = append(parts, line)
		}
	}
	fmt.Fprintln(Stderr, "mctr:", visible.Short(flags.Translate(strings.Join(parts, "; "))))
}
