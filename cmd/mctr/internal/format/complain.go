package format

import (
	"fmt"
	"strings"

	"github.com/mctr/mctr/cmd/mctr/internal/flags"
	"github.com/mctr/mctr/internal/visible"
)

// Complain says what went wrong, on one line where that is possible, in the words of the
// command line. Very long paths are cut.
func Complain(err error) {
	var parts []string
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimSpace(line); line != "" {
			parts = append(parts, line)
		}
	}
	fmt.Fprintln(Stderr, "mctr:", visible.Short(flags.Translate(strings.Join(parts, "; "))))
}
