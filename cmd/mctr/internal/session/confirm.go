package session

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cmd/mctr/internal/format"
)

// Confirmed asks the user whether the listed things may be removed. With force it returns true without
// asking. It fails if stdin is not a terminal.
func Confirmed(ctx context.Context, force bool, what ...string) (bool, error) {
	if force {
		return true, nil
	}
	if !format.IsTerminal(os.Stdin) {
		return false, fmt.Errorf("%w: cannot ask for confirmation without a terminal: give --force", mctr.ErrInvalid)
	}
	fmt.Fprintln(os.Stderr, "WARNING! This will remove:")
	for _, w := range what {
		fmt.Fprintln(os.Stderr, "  -", w)
	}
	fmt.Fprint(os.Stderr, "\nAre you sure you want to continue? [y/N] ")
	answer, err := ReadLine(Stdin(ctx))
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes", err
}
