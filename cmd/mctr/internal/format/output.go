// Package format prints what mctr's commands have found: tables, templates, JSON, the progress of
// a pull and messages. Control characters in texts of others, such as an image's labels, do not
// reach the terminal.
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

// Stdout and Stderr are for text of mctr's own in which others' may be: what an image's
// config, a registry's answer or a container's record says moves no cursor. The output
// of containers goes to os.Stdout and os.Stderr as it is.
var (
	Stdout = visible.Writer(os.Stdout)
	Stderr = &Messages{}
)

// Messages is where this command's own go. In raw mode the terminal adds no returns, so
// their lines bring them.
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
