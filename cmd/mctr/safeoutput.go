package main

import (
	"os"
	"strings"
	"sync/atomic"

	"github.com/mctr/mctr/internal/visible"
)

// stdout and stderr are for text of mctr's own in which others' may be: what an image's
// config, a registry's answer or a container's record says moves no cursor. The output
// of containers goes to os.Stdout and os.Stderr as it is.
var (
	stdout = visible.Writer(os.Stdout)
	stderr = &messages{}
)

// messages is where this command's own go. In raw mode the terminal adds no returns, so
// their lines bring them.
type messages struct{ raw atomic.Bool }

func (m *messages) Write(p []byte) (int, error) {
	text := visible.Text(string(p))
	if m.raw.Load() {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	if _, err := os.Stderr.WriteString(text); err != nil {
		return 0, err
	}
	return len(p), nil
}
