package provisioner_test

import (
	"context"
	"fmt"
	"os"

	"github.com/mctr/mctr/provisioner"
)

// runChild is what a copy of the test binary does: one call on the root and
// reference of its environment.
func runChild(what string) int {
	ctx := context.Background()
	p, err := provisioner.New(os.Getenv("MCTR_TEST_ROOT"), provisioner.WithHostsDirs())
	if err == nil {
		ref := os.Getenv("MCTR_TEST_REF")
		switch what {
		case "lease":
			_, err = p.Lease(ctx, "child", ref, provisioner.PullOptions{})
		case "remove":
			_, err = p.Remove(ctx, ref, false)
		default:
			err = fmt.Errorf("unknown child %q", what)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
