package network

import (
	"errors"
	"fmt"
	"os"

	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
)

// eachNetwork does something to each, prints the names of those where it worked,
// and goes on past errors.
func eachNetwork(h *hostapi.Host, names []string, do func(networks agent.Networks, name string) error) error {
	networks, err := h.NetworkAPI()
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range names {
		if err := do(networks, name); err != nil {
			errs = append(errs, err)
			continue
		}
		fmt.Fprintln(os.Stdout, name)
	}
	return errors.Join(errs...)
}
