package flags

import (
	"fmt"

	"github.com/moby/sys/signal"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
)

// ParseSignal reads a signal's name or number: TERM, SIGTERM or 15.
func ParseSignal(s string) (unix.Signal, error) {
	number, err := signal.ParseSignal(s)
	if err != nil {
		return 0, fmt.Errorf("%w: signal %s: %w", mctr.ErrInvalid, s, err)
	}
	return number, nil
}
