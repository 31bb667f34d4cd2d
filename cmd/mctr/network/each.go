package network

import (
	"errors"
	"fmt"
	"os"

	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
)

// eachNetwork calls do for each named network, and prints the name of each for which do succeeds. It
// continues after errors.
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
